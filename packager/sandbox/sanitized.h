#pragma once

namespace pirn::sandbox {

// A sanitizer's shadow memory and its system calls do not fit into the sandbox.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace pirn::sandbox
