#pragma once

extern bool g_loaded;  // set by the package's on_load
