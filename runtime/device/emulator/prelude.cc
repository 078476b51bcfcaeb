#include "runtime/device/emulator/prelude.h"

#include <string>

#include "runtime/device/emulator/kernel_interface.h"
#include "runtime/device/host_compiler.h"

#define TW_TEXT_OF(...) #__VA_ARGS__
#define TW_TEXT(...) TW_TEXT_OF(__VA_ARGS__)

namespace tilewright::runtime {
namespace {

// An element of memory is a tw_ref, which is checked where it becomes a value or takes one; its
// address a tw_place, which an instruction of a warp takes as an operand. Private arrays that the
// text does not align lie beside a multiple of 16 bytes, so that a vector access of one is found.
constexpr char kEmulatorPrelude[] = TW_TEXT(TW_KERNEL_INTERFACE) R"(
static tw_machine* tw_m;
extern "C" void tw_bind(tw_machine* machine) { tw_m = machine; }
TW_FN void tw_touch(tw_memory* m, tw_i64 at, int bytes, int write) {
  if (at < 0 || at + bytes > m->bytes) tw_m->fail(tw_m, "touches, outside it,", m, at);
  if (m->scope != 0) return tw_m->touch(tw_m, m, at, bytes, write);
  for (int i = 0; i < bytes; ++i) {
    if (m->state[at + i] & 2) tw_m->fail(tw_m, "touches, before its wait,", m, at + i);
    if (write) m->state[at + i] = 1;
    else if (!m->state[at + i]) tw_m->fail(tw_m, "reads what nobody wrote,", m, at + i);
  }
}
template <class T> struct tw_place {
  tw_memory* m;
  tw_i64 at;
  void align(int bytes) const {
    if ((tw_u64)(m->data + at) % bytes != 0) tw_m->fail(tw_m, "touches misaligned", m, at);
  }
  tw_operand take(int count, int write) const {
    align(4);
    tw_touch(m, at, count * (int)sizeof(T), write);
    return {m, at};
  }
  tw_operand shared_row() const {
    if (m->scope != 1) tw_m->fail(tw_m, "has no row in shared memory at", m, at);
    if (at < 0 || at + 16 > m->bytes) tw_m->fail(tw_m, "has a row outside shared memory at", m, at);
    align(16);
    return {m, at};
  }
};
template <class T> T& tw_at(const tw_operand& of, int i) {
  return ((T*)(of.memory->data + of.at))[i];
}
template <class T> struct tw_ref {
  tw_memory* m;
  tw_i64 at;
  operator T() const { tw_touch(m, at, sizeof(T), 0); return *(T*)(m->data + at); }
  T operator=(T value) const { tw_touch(m, at, sizeof(T), 1); return *(T*)(m->data + at) = value; }
  T operator=(const tw_ref& other) const { return *this = (T)other; }
  tw_place<T> operator&() const { return {m, at}; }
};
template <class T> struct tw_array {
  tw_memory* m;
  tw_ref<T> operator[](tw_i64 i) const { return {m, i * (tw_i64)sizeof(T)}; }
  tw_place<T> operator+(tw_i64 i) const { return {m, i * (tw_i64)sizeof(T)}; }
};
template <class T> struct tw_scratch : tw_array<T> {
  tw_scratch(tw_memory* m) : tw_array<T>{m} { m->scope = 2; }
};
template <class T> struct tw_input {
  tw_memory* m;
  T operator[](tw_i64 i) const { return tw_ref<T>{m, i * (tw_i64)sizeof(T)}; }
  tw_place<T> operator+(tw_i64 i) const { return {m, i * (tw_i64)sizeof(T)}; }
};
template <class T, tw_i64 n, int shift> struct tw_private : tw_array<T> {
  tw_memory own;
  alignas(16) char bytes[shift + n * sizeof(T)];
  unsigned char state[n * sizeof(T)];
  tw_private(const char* name) {
    for (tw_i64 i = 0; i < n * (tw_i64)sizeof(T); ++i) state[i] = 0;
    own = {bytes + shift, state, n * (tw_i64)sizeof(T), name, 0};
    this->m = &own;
  }
};
template <class V, class T> tw_ref<V> tw_as(tw_place<T> place) {
  place.align(sizeof(V));
  return {place.m, place.at};
}
template <class T, class U> void tw_async(int bytes, tw_place<T> to, tw_place<U> from, bool there) {
  to.align(bytes);
  if (to.at < 0 || to.at + bytes > to.m->bytes) {
    tw_m->fail(tw_m, "copies, outside it, to", to.m, to.at);
  }
  if (there) from.align(bytes);
  if (there) tw_touch(from.m, from.at, bytes, 0);
  tw_m->copy(tw_m, to.m, to.at, there ? from.m : nullptr, from.at, bytes);
}
TW_FN int tw_is_last(tw_place<tw_i32> counter, int blocks) {
  if (counter.at < 0 || counter.at + 4 > counter.m->bytes) {
    tw_m->fail(tw_m, "counts, outside it, at", counter.m, counter.at);
  }
  return tw_m->arrive(tw_m, counter.m, counter.at, blocks);
}
template <class T> void tw_add(tw_place<T> at, T value) {
  if (at.at < 0 || at.at + (int)sizeof(T) > at.m->bytes) {
    tw_m->fail(tw_m, "adds, outside it, to", at.m, at.at);
  }
  tw_m->touch(tw_m, at.m, at.at, sizeof(T), 2);
  *(T*)(at.m->data + at.at) += value;
}
TW_FN void tw_add_f32(tw_place<tw_f32> at, tw_f32 value) { tw_add(at, value); }
TW_FN void tw_add_i32(tw_place<tw_i32> at, tw_i32 value) { tw_add(at, value); }
template <class... A> void tw_call(void (*kernel)(A...), tw_memory** args) {
  int i = 0;
  tw_run run{kernel, A{args[i++]}...};
}
#define TW_EXPORT(kernel) \
  extern "C" void tw_run_##kernel(tw_memory** args) { tw_call(kernel, args); }
#define TW_INPUT(S, name) const tw_input<tw_##S> name
#define TW_OUTPUT(S, name) const tw_array<tw_##S> name
#define TW_SCRATCH(S, name) const tw_scratch<tw_##S> name
#define TW_SHARED_ARRAY(S, name, n) \
  const tw_array<tw_##S> name = {tw_m->shared(tw_m, #name, (n) * (tw_i64)sizeof(tw_##S), -1)}
#define TW_ALIGNED_ARRAY(S, name, n) tw_private<tw_##S, n, 0> name(#name)
#define TW_ARRAY(S, name, n) tw_private<tw_##S, n, sizeof(tw_##S) % 16> name(#name)
#define TW_AS(bytes, space, place) tw_as<tw_v##bytes>(place)
#define TW_BARRIER tw_m->barrier(tw_m, __LINE__)
#define TW_FENCE tw_m->fence(tw_m)
#define TW_BLOCK_X (tw_m->block[0])
#define TW_BLOCK_Y (tw_m->block[1])
#define TW_BLOCK_Z (tw_m->block[2])
#define TW_THREAD_X (tw_m->thread[0])
#define TW_THREAD_Y (tw_m->thread[1])
#define TW_THREAD_Z (tw_m->thread[2])
#define TW_ASYNC_COPY(bytes, to_space, to, from_space, from, there) tw_async(bytes, to, from, there)
#define TW_ASYNC_COMMIT tw_m->commit(tw_m)
#define TW_ASYNC_WAIT(n) tw_m->wait(tw_m, n)
)";

// The address of a memory in the block's shared memory is the machine's; the launch's memory is
// laid out by the text.
constexpr char kPipelines[] = R"(
struct tw_map { tw_memory* m; };
#define TW_NEEDS const
#define TW_MAP(name) const tw_map name
#define TW_PLACE(S) tw_place<tw_##S>
template <class T> tw_u32 tw_address(tw_place<T> place) {
  return (tw_u32)(tw_m->address(tw_m, place.m) + place.at);
}
#define TW_SHARED_ADDRESS(place) tw_address(place)
#define TW_OF_WARP(x) (x)
#define TW_DYNAMIC
#define TW_DYNAMIC_ARRAY(S, name, n, at) \
  const tw_array<tw_##S> name = {tw_m->shared(tw_m, #name, (n) * (tw_i64)sizeof(tw_##S), at)}
#define TW_BARRIER_CALL(name, what) \
  TW_FN void name(tw_place<tw_u64> barrier, int value = 0, int line = __builtin_LINE()) { \
    tw_m->slot_barrier(tw_m, what, tw_address(barrier), value, line); \
  }
TW_BARRIER_CALL(tw_barrier_init, 0)
TW_BARRIER_CALL(tw_barrier_arrive, 1)
TW_BARRIER_CALL(tw_barrier_expect, 2)
TW_BARRIER_CALL(tw_barrier_wait, 3)
TW_FN void tw_barrier_fence() {}
TW_FN void tw_wgmma_fence() { tw_m->group_fence(tw_m); }
TW_FN void tw_wgmma_commit() { tw_m->group_commit(tw_m); }
TW_FN void tw_wgmma_wait(int groups, int line) {
  tw_tile op = {"wgmma.wait_group", line};
  op.groups = groups;
  tw_m->tile(tw_m, &op);
}
#define TW_WGMMA_WAIT(n) tw_wgmma_wait(n, __LINE__)
)";

}  // namespace

std::string_view EmulatorPrelude() {
  static const std::string text = std::string(HostPrelude()) + kEmulatorPrelude;
  return text;
}

std::string_view EmulatorPipelinePrelude() { return kPipelines; }

}  // namespace tilewright::runtime
