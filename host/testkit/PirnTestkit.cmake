# Pirn::testkit, the library behind pirn/testkit/workflow.hpp, where it was built. It belongs to tests alone: packages never link it.
set(_pirn_testkit "${CMAKE_CURRENT_LIST_DIR}/../../libpirn_testkit.so")
cmake_path(NORMAL_PATH _pirn_testkit)
if(NOT TARGET Pirn::testkit AND EXISTS "${_pirn_testkit}")
  add_library(Pirn::testkit SHARED IMPORTED)
  set_target_properties(Pirn::testkit PROPERTIES IMPORTED_LOCATION "${_pirn_testkit}" IMPORTED_NO_SONAME OFF)
  target_link_libraries(Pirn::testkit INTERFACE Pirn::sdk)
endif()
unset(_pirn_testkit)
