// Memory of executions that have ended, for those that begin: a busy engine makes and drops some hundred
// thousand a second, each in the same few pieces. A standard allocator; what one thread frees it uses again,
// without a lock, and of each size it keeps so many pieces that a turn's worth of executions finds its own.
//
// Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace pirn::engine {

class RecycledMemory {
 public:
  static void* take(size_t bytes) {
    if (bytes > kLargest) return ::operator new(bytes);
    Free& free = lists()[class_of(bytes)];
    if (free.first == nullptr) return ::operator new((class_of(bytes) + 1) * kStep);
    --free.count;
    return std::exchange(free.first, free.first->next);
  }
  static void give_back(void* piece, size_t bytes) noexcept {
    if (bytes > kLargest) return ::operator delete(piece);
    Free& free = lists()[class_of(bytes)];
    if (free.count == kKept) return ::operator delete(piece);
    ++free.count;
    free.first = ::new (piece) Piece{free.first};
  }

 private:
  static constexpr size_t kStep = 16, kLargest = 1024;
#if defined(__SANITIZE_ADDRESS__)
  static constexpr size_t kKept = 0;  // whoever looks for the use of freed memory wants it freed
#else
  static constexpr size_t kKept = 1024;
#endif

  struct Piece {
    Piece* next;
  };
  struct Free {
    Piece* first = nullptr;
    size_t count = 0;
    ~Free() {
      while (first != nullptr) ::operator delete(std::exchange(first, first->next));
    }
  };
  static size_t class_of(size_t bytes) { return (bytes - 1) / kStep; }
  static std::array<Free, kLargest / kStep>& lists() {
    thread_local std::array<Free, kLargest / kStep> lists;
    return lists;
  }
};

template <class T>
struct Recycled {
  using value_type = T;

  Recycled() = default;
  template <class Other>
  Recycled(const Recycled<Other>&) {}

  T* allocate(size_t n) { return static_cast<T*>(RecycledMemory::take(n * sizeof(T))); }
  void deallocate(T* memory, size_t n) noexcept { RecycledMemory::give_back(memory, n * sizeof(T)); }
  bool operator==(const Recycled&) const = default;
};

}  // namespace pirn::engine
