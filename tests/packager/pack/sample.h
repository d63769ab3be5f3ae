// The content of a small package, without building one.
#pragma once

#include "packager/pack/pack.h"

namespace pirn::pack {

inline Content sample_content() {
  Content content;
  content.description.publisher = "acme";
  content.description.licence = "Apache-2.0";
  content.package = "hello";
  content.version = "1.2.3";
  content.sdk = "test";
  content.functions = {{"greet", 1}, {"bye", 1}};
  content.definition_json = R"({"schema":1,"package":{"name":"hello","version":"1.2.3","author":"Ada"},
    "workflows":[{"name":"welcome","steps":[{"name":"greet"},{"name":"bye","after":["greet"]}]},
                 {"name":"leave","steps":[{"name":"bye"}]}]})";
  content.libraries = {
      {std::string(archive::host_platform()), "\177ELF", {"libc.so.6", "libm.so.6", "libc.so.6"}}};
  content.files = {{"assets/a.txt", "asset"}};
  return content;
}

}  // namespace pirn::pack
