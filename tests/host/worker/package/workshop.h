/* What the test and the package in its process share: the test passes its address as the parameter
 * "workshop". */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

typedef struct workshop workshop;
struct workshop {
  /* Any thread. `version`: of the package that says so. */
  void (*heard)(workshop*, int version, const char* what);
  /* Returns when the test opens the gate. */
  void (*wait_for_gate)(workshop*);
};

#ifdef __cplusplus
}
#endif
