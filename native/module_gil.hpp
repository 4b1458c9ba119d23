// Work without Python's lock, the GIL, also in threads that are still working when Python ends.
//
// Before CPython 3.14, a thread that asks for the lock once Python has begun to end is ended there
// by pthread_exit, which unwinds its stack as an exception would, and would call std::terminate at
// the first function that must not throw. So it is caught, and the thread waits until the process
// is gone, as from CPython 3.14 on.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <thread>

namespace nb = nanobind;

namespace {

template <class Take>
auto with_care(Take take) {
    try {
        return take();
    } catch (...) {  // leaving this block would end the process
        for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
}

// Without the lock from here to the end of the block.
class WithoutGil {
  public:
    WithoutGil() : state_(PyEval_SaveThread()) {}
    ~WithoutGil() {
        with_care([this] { PyEval_RestoreThread(state_); });
    }
    WithoutGil(const WithoutGil&) = delete;
    WithoutGil& operator=(const WithoutGil&) = delete;

  private:
    PyThreadState* state_;
};

// Looks for Ctrl-C. What a signal handler raised stays set in this thread for `raise_if_set`.
bool signalled() {
    const PyGILState_STATE state = with_care(PyGILState_Ensure);
    const bool raised = PyErr_CheckSignals() != 0;
    PyGILState_Release(state);
    return raised;
}

// With the lock: throws what `signalled` left behind.
void raise_if_set() {
    if (PyErr_Occurred()) throw nb::python_error();
}

}  // namespace
