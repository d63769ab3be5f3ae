// A library of C++ with what pins such libraries in memory when it is exported: statics of inline functions
// and of templates, thread-local variables, locale facets.
#include <pirn/abi.h>

#include <map>
#include <sstream>
#include <string>

PIRN_ABI_NOTE();

namespace {

struct Cage {
  virtual ~Cage() = default;
  std::map<std::string, int> animals;
};

}  // namespace

inline Cage& cage() {
  static Cage cage;
  return cage;
}

template <class T>
struct Counter {
  static inline T value = 0;
};

static int32_t work(pirn_state*, pirn_call*, const pirn_invocation*, pirn_outcome*) {
  static thread_local int calls = 0;
  std::ostringstream text;
  text << ++calls;
  cage().animals[text.str()]++;
  return ++Counter<int>::value;
}

static const pirn_function kWork = {sizeof(pirn_function), PIRN_KIND_TASK, "work", work};
static const pirn_function* const kFunctions[] = {&kWork};
static const pirn_plugin kPlugin = {
    .size = sizeof(pirn_plugin),
    .abi_major = 1,
    .n_functions = 1,
    .id = "zoo",
    .version = "3.0.0",
    .sdk = "zoo/1",
    .functions = kFunctions,
};

extern "C" PIRN_EXPORT const pirn_plugin* pirn_plugin_v1(uint32_t) { return &kPlugin; }
