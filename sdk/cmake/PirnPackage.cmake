# pirn_add_package and pirn_add_package_test: how a package is built. Included by find_package(Pirn), and by Pirn's own tree.
include_guard(GLOBAL)

# ON: what is wrong in every program is an error in packages, also where a compiler only warns of it: a step without
# `return` would run on into whatever code follows it, inside the host. pirn_add_package() reads it. To let one of them
# pass, add the opposite after pirn_add_package(): target_compile_options(NAME PRIVATE -Wno-error=return-type).
option(PIRN_ALWAYS_WRONG_IS_AN_ERROR "Treat warnings of code that is always wrong as errors in packages" ON)

# Only diagnostics that are never false alarms with GCC 12 and Clang 14, and whose code is wrong whatever the author
# meant: no return from a function that has a value, the address of what ends with the function, and in C what C11
# forbids and compilers accept (GCC 14 and Clang 16 refuse it too). Left out: those that depend on the optimiser
# (uninitialized, nonnull, dangling-pointer, free-nonheap-object) or may be right (format, delete-non-virtual-dtor).
function(pirn_refuse_what_is_always_wrong name)
  target_compile_options(${name} PRIVATE
    -Werror=return-type
    $<$<OR:$<COMPILE_LANG_AND_ID:C,GNU>,$<COMPILE_LANG_AND_ID:CXX,GNU>>:-Werror=return-local-addr>
    $<$<OR:$<COMPILE_LANG_AND_ID:C,Clang>,$<COMPILE_LANG_AND_ID:CXX,Clang>>:-Werror=return-stack-address>
    $<$<COMPILE_LANGUAGE:C>:-Werror=implicit-function-declaration>
    $<$<COMPILE_LANGUAGE:C>:-Werror=implicit-int>
    $<$<COMPILE_LANGUAGE:C>:-Werror=int-conversion>
    $<$<COMPILE_LANGUAGE:C>:-Werror=incompatible-pointer-types>)
endfunction()

# Stops with what is wrong and what may be written.
function(pirn_check_arguments what unparsed missing known)
  if(unparsed)
    message(FATAL_ERROR "${what}: unknown argument: ${unparsed}\nWhat may be written: ${known}")
  endif()
  if(missing)
    message(FATAL_ERROR "${what}: no value after ${missing}\nWhat may be written: ${known}")
  endif()
endfunction()

# pirn_add_package(NAME SOURCES file... [VERSION 1.2.3] [LINK target...])
#
# Builds NAME.so, a package's library, in the current binary directory. VERSION is the macro PIRN_PACKAGE_VERSION in the sources.
# LINK names libraries; static ones are hidden inside. Code that is always wrong does not compile, see
# PIRN_ALWAYS_WRONG_IS_AN_ERROR.
function(pirn_add_package name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "VERSION" "SOURCES;LINK")
  pirn_check_arguments("pirn_add_package(${name})" "${ARG_UNPARSED_ARGUMENTS}" "${ARG_KEYWORDS_MISSING_VALUES}"
                       "pirn_add_package(NAME SOURCES file... [VERSION 1.2.3] [LINK target...])")
  if(NOT name MATCHES "^[a-z0-9][a-z0-9_-]*$")
    message(FATAL_ERROR "pirn_add_package(${name}): a package's name is [a-z0-9][a-z0-9_-]{0,62}")
  endif()
  if(NOT ARG_SOURCES)
    message(FATAL_ERROR "pirn_add_package(${name}): SOURCES is missing")
  endif()
  if(DEFINED ARG_VERSION AND NOT ARG_VERSION MATCHES "^[0-9]+\\.[0-9]+\\.[0-9]+([-+].*)?$")
    message(FATAL_ERROR "pirn_add_package(${name}): VERSION ${ARG_VERSION} is no semantic version such as 1.2.3")
  endif()

  set(version_script "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/pirn.map")
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
    POSITION_INDEPENDENT_CODE ON EXPORT_COMPILE_COMMANDS ON CXX_EXTENSIONS OFF C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    BUILD_RPATH "" SKIP_BUILD_RPATH ON LINK_DEPENDS "${version_script}")
  target_compile_features(${name} PRIVATE cxx_std_20 c_std_11)
  target_link_libraries(${name} PRIVATE Pirn::sdk ${ARG_LINK})
  target_compile_definitions(${name} PRIVATE PIRN_PACKAGE_NAME="${name}")
  if(DEFINED ARG_VERSION)
    target_compile_definitions(${name} PRIVATE PIRN_PACKAGE_VERSION="${ARG_VERSION}")
  endif()
  # The same bytes from every directory; messages name src/x.cc. The third map is for a compiler cache that makes paths
  # relative to the build (CCACHE_BASEDIR).
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY "${CMAKE_BINARY_DIR}" OUTPUT_VARIABLE source_from_build)
  target_compile_options(${name} PRIVATE
    "-ffile-prefix-map=${CMAKE_CURRENT_BINARY_DIR}/=build/" "-ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/="
    "-ffile-prefix-map=${source_from_build}/="
    $<$<C_COMPILER_ID:GNU>:$<$<COMPILE_LANGUAGE:C>:-fno-gnu-unique>>
    $<$<CXX_COMPILER_ID:GNU>:$<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>>)
  if(PIRN_ALWAYS_WRONG_IS_AN_ERROR)
    pirn_refuse_what_is_always_wrong(${name})
  endif()
  target_link_options(${name} PRIVATE
    "-Wl,--version-script=${version_script}" -Wl,--exclude-libs,ALL -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack
    -Wl,--build-id=sha1)
  # Where `pirn pack` finds the library.
  file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/pirn/${name}.package" CONTENT "$<TARGET_FILE:${name}>\n")
  # A sanitizer's runtime is found in the program that loads the package.
  if(NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize=")
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()

# pirn_add_package_test(NAME PACKAGE package SOURCES file... [LINK target...])
#
# A GoogleTest program around the very objects of the package, run by ctest. It links Pirn::testkit, so that whole workflows run in it.
# Nothing is built where GoogleTest is absent.
function(pirn_add_package_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "PACKAGE" "SOURCES;LINK")
  pirn_check_arguments("pirn_add_package_test(${name})" "${ARG_UNPARSED_ARGUMENTS}" "${ARG_KEYWORDS_MISSING_VALUES}"
                       "pirn_add_package_test(NAME PACKAGE package SOURCES file... [LINK target...])")
  if(NOT ARG_PACKAGE OR NOT ARG_SOURCES)
    message(FATAL_ERROR "pirn_add_package_test(${name}): PACKAGE and SOURCES are needed")
  endif()
  if(NOT TARGET ${ARG_PACKAGE})
    message(FATAL_ERROR "pirn_add_package_test(${name}): there is no package ${ARG_PACKAGE}; call pirn_add_package first")
  endif()
  if(NOT TARGET GTest::gtest_main)
    find_package(GTest QUIET)
  endif()
  if(NOT TARGET GTest::gtest_main)
    message(STATUS "${name} is not built: GoogleTest was not found (apt-get install libgtest-dev)")
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES} $<TARGET_OBJECTS:${ARG_PACKAGE}>)
  target_compile_features(${name} PRIVATE cxx_std_20)
  # Where `pirn pack` finds the definition of a package that brings none.
  get_target_property(directory ${ARG_PACKAGE} SOURCE_DIR)
  target_compile_definitions(${name} PRIVATE PIRN_WORKFLOW_JSON="${directory}/workflow.json")
  target_link_libraries(${name} PRIVATE Pirn::sdk GTest::gtest_main $<TARGET_PROPERTY:${ARG_PACKAGE},LINK_LIBRARIES>
                                        ${ARG_LINK})
  if(TARGET Pirn::testkit)
    target_link_libraries(${name} PRIVATE Pirn::testkit)
  else()
    message(STATUS "${name}: this Pirn was built without Pirn::testkit; pirn::testkit::Workflow will not link")
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST)
endfunction()
