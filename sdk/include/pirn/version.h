/* pirn/version.h: the version of Pirn. This is the only place that states it: CMake, the host, the packager
 * and the SDKs read it from here. */
#ifndef PIRN_VERSION_H
#define PIRN_VERSION_H

/* "MAJOR.MINOR.PATCH" of the SDK and of the Pirn that it comes with. */
#define PIRN_SDK_VERSION "0.1.0"

#endif
