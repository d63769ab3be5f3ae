#define PIRN_CHECK(condition) static_assert(condition, #condition)
#include "abi_layout.h"
