// Definition documents as the SDK prints them. Apart from document_test.cc, which reads them with the host's
// parser.
#pragma once

#include <string>

namespace documents {

std::string by_macro();
std::string by_builder();         // the same package
std::string whole_language();     // every option that the SDK can print
std::string loop();               // steps that are added at run time
std::string shapes_by_macro();    // workflows of common shapes
std::string shapes_by_builder();  // the same workflows

}  // namespace documents
