// Random definitions of the whole language, valid by construction.
#pragma once

#include "packager/definition/definition.h"

namespace pirn::definition {

// Draws from rapidcheck: to be called inside of a property.
Definition random_definition();

}  // namespace pirn::definition
