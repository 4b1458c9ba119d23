#define MULTILAYER_ISA neon
#define MULTILAYER_VECTOR_BYTES 16
#define MULTILAYER_TILE_ROWS 6
#define MULTILAYER_TILE_VECTORS 4
#include "../instruction_set.hpp"
