#define MULTILAYER_ISA sse2
#define MULTILAYER_VECTOR_BYTES 16
#define MULTILAYER_TILE_ROWS 3
#define MULTILAYER_TILE_VECTORS 4
#include "../instruction_set.hpp"
