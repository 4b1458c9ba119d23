// engine_tests [kernels|losses|sparse|digest|memory|threads|forks]: runs all of them by default,
// for every instruction set of the machine or for the one that MULTILAYER_ISA names. The exit
// status is 0 if all tests passed. `engine_tests inputs FILE …` runs the target of the fuzzer on
// files.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>

#include "../dispatch.hpp"
#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run_inputs(int count, char** paths) {
    for (int i = 0; i < count; ++i) {
        std::ifstream file(paths[i], std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
    std::printf("inputs of the fuzzer: %d passed\n", count);
}

// The instruction set is chosen once for each process: all but the last get a process of their own.
bool others_pass(const char* program, const char* which) {
    const auto& sets = multilayer::instruction_sets();
    for (std::size_t i = 0; i + 1 < sets.size(); ++i) {
        const std::string command =
            std::string("MULTILAYER_ISA=") + sets[i]->name + " '" + program + "' " + which;
        if (std::system(command.c_str()) != 0) return false;
    }
    return true;
}

}  // namespace

int main(int count, char** words) {
    const struct {
        const char* name;
        void (*run)();
    } all[] = {{"kernels", tests::test_kernels}, {"losses", tests::test_losses},
               {"sparse", tests::test_sparse},   {"digest", tests::test_digests},
               {"memory", tests::test_memory},   {"threads", tests::test_threads},
               {"forks", tests::test_forks}};
    const char* wanted = count > 1 ? words[1] : "";
    if (std::strcmp(wanted, "inputs") == 0) return run_inputs(count - 2, words + 2), 0;
    if (count > 2 && std::strcmp(wanted, "digest") == 0 && std::strcmp(words[2], "write") == 0)
        return tests::write_digests(), 0;
    bool found = false;
    if (!std::getenv("MULTILAYER_ISA") && !others_pass(words[0], wanted)) return 1;
    for (const auto& test : all) {
        if (*wanted && std::strcmp(wanted, test.name) != 0) continue;
        found = true;
        std::printf("%s, %s: ", test.name, multilayer::instruction_set().name);
        std::fflush(stdout);
        try {
            test.run();
        } catch (const std::exception& error) {
            std::printf("%s\n", error.what());
            return 1;
        }
        std::printf("passed\n");
    }
    return found ? 0 : 2;
}
