// A channel beside its model, in random sequences of operations of one task.
#include "chantrace/channel.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <array>
#include <chrono>
#include <set>
#include <vector>

#include "chantrace/select.h"
#include "support/model_channel.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kChannels = 4;
using Model = std::array<ModelChannel, kChannels>;
using Real = std::array<Channel<int>, kChannels>;

/// How an operation ended, of the model and of the real one alike.
struct End {
  enum class Kind { kDone, kNotReady, kClosed, kThrows } kind = Kind::kDone;
  int value = 0;

  friend bool operator==(const End&, const End&) = default;
  friend std::ostream& operator<<(std::ostream& out, const End& end) {
    return out << "end " << static_cast<int>(end.kind) << " value " << end.value;
  }
};

End to_end(ModelChannel::SendEnd end) {
  switch (end) {
    case ModelChannel::SendEnd::kSent:
      return {};
    case ModelChannel::SendEnd::kThrows:
      return {End::Kind::kThrows};
    default:
      return {End::Kind::kNotReady};
  }
}

End to_end(ModelChannel::RecvEnd end) {
  switch (end.kind) {
    case ModelChannel::RecvEnd::Kind::kReceived:
      return {End::Kind::kDone, end.value};
    case ModelChannel::RecvEnd::Kind::kClosed:
      return {End::Kind::kClosed};
    default:
      return {End::Kind::kNotReady};
  }
}

End to_end(const RecvResult<int>& result, RecvStatus not_ready) {
  if (result) return {End::Kind::kDone, result.value()};
  RC_ASSERT(result.status() == RecvStatus::kClosed || result.status() == not_ready);
  return {result.status() == RecvStatus::kClosed ? End::Kind::kClosed : End::Kind::kNotReady};
}

template <typename Operation>
End catch_misuse(Operation operation) {
  try {
    return operation();
  } catch (const MisuseError&) {
    return {End::Kind::kThrows};
  }
}

/// One operation on one channel. `which` and `value` are drawn.
class Step : public rc::state::Command<Model, Real> {
 public:
  virtual End expect(ModelChannel& channel) const = 0;
  virtual End act(const Channel<int>& channel) const = 0;

  void apply(Model& model) const override { expect(model[which]); }
  void run(const Model& model, Real& real) const override {
    ModelChannel expected_channel = model[which];
    const End expected = expect(expected_channel);
    const End actual = catch_misuse([&] { return act(real[which]); });
    RC_ASSERT(actual == expected);
    RC_ASSERT(real[which].size() == expected_channel.values.size());
    RC_ASSERT(real[which].capacity() == expected_channel.capacity);
  }
  void show(std::ostream& out) const override {
    out << name() << " " << which << " value " << value;
  }
  virtual const char* name() const = 0;

 protected:
  const std::size_t which = *rc::gen::inRange<std::size_t>(0, kChannels);
  const int value = *rc::gen::arbitrary<int>();
};

template <bool is_timed>
class TrySend : public Step {
  End expect(ModelChannel& channel) const override { return to_end(channel.try_send(value)); }
  End act(const Channel<int>& channel) const override {
    const bool is_sent = is_timed ? channel.send_for(value, 0ns) : channel.try_send(value);
    return {is_sent ? End::Kind::kDone : End::Kind::kNotReady};
  }
  const char* name() const override { return is_timed ? "send_for(0)" : "try_send"; }
};

template <bool is_timed>
class TryRecv : public Step {
  End expect(ModelChannel& channel) const override { return to_end(channel.try_recv()); }
  End act(const Channel<int>& channel) const override {
    return is_timed ? to_end(channel.recv_for(-1ns), RecvStatus::kTimedOut)
                    : to_end(channel.try_recv(), RecvStatus::kEmpty);
  }
  const char* name() const override { return is_timed ? "recv_for(0)" : "try_recv"; }
};

/// The forms that wait, where they need not.
class Send : public Step {
  void checkPreconditions(const Model& model) const override { RC_PRE(model[which].can_send()); }
  End expect(ModelChannel& channel) const override { return to_end(channel.try_send(value)); }
  End act(const Channel<int>& channel) const override {
    SendChannel<int>(channel).send(value);
    return {};
  }
  const char* name() const override { return "send"; }
};

class Recv : public Step {
  void checkPreconditions(const Model& model) const override { RC_PRE(model[which].can_recv()); }
  End expect(ModelChannel& channel) const override { return to_end(channel.try_recv()); }
  End act(const Channel<int>& channel) const override {
    const std::optional<int> received = RecvChannel<int>(channel).recv();
    return received ? End{End::Kind::kDone, *received} : End{End::Kind::kClosed};
  }
  const char* name() const override { return "recv"; }
};

class Close : public Step {
  End expect(ModelChannel& channel) const override {
    return {channel.close() ? End::Kind::kDone : End::Kind::kThrows};
  }
  End act(const Channel<int>& channel) const override {
    channel.close();
    return {};
  }
  const char* name() const override { return "close"; }
};

/// A select over two receives and two sends, some on the same channel, with a default. At most one
/// case is ready, so that the model knows which is taken.
class SelectOne : public rc::state::Command<Model, Real> {
 public:
  void checkPreconditions(const Model& model) const override { RC_PRE(ready(model).size() <= 1); }
  void apply(Model& model) const override { expect(model); }
  void run(const Model& model, Real& real) const override {
    Model expected_model = model;
    const End expected = expect(expected_model);
    const std::vector<std::size_t> ready_cases = ready(model);
    RC_CLASSIFY(ready_cases.empty(), "default");
    End actual;
    std::size_t taken = ready_cases.empty() ? 4 : ready_cases.front();
    const auto received = [&](std::optional<int> got) {
      actual = got ? End{End::Kind::kDone, *got} : End{End::Kind::kClosed};
    };
    const End thrown = catch_misuse([&] {
      taken = select(on_recv(real[channels_[0]], received), on_recv(real[channels_[1]], received),
                     on_send(real[channels_[2]], value_), on_send(real[channels_[3]], value_),
                     on_default([&] { actual = {End::Kind::kNotReady}; }));
      return End{};
    });
    if (thrown.kind == End::Kind::kThrows) actual = thrown;
    RC_ASSERT(actual == expected);
    RC_ASSERT(taken == (ready_cases.empty() ? 4 : ready_cases.front()));
    for (std::size_t i = 0; i < kChannels; ++i)
      RC_ASSERT(real[i].size() == expected_model[i].values.size());
  }
  void show(std::ostream& out) const override {
    out << "select recv " << channels_[0] << " recv " << channels_[1] << " send " << channels_[2]
        << " send " << channels_[3] << " value " << value_;
  }

 private:
  std::vector<std::size_t> ready(const Model& model) const {
    std::vector<std::size_t> cases;
    for (std::size_t i = 0; i < 4; ++i) {
      const ModelChannel& channel = model[channels_[i]];
      if (i < 2 ? channel.can_recv() : channel.can_send()) cases.push_back(i);
    }
    return cases;
  }
  End expect(Model& model) const {
    const std::vector<std::size_t> cases = ready(model);
    if (cases.empty()) return {End::Kind::kNotReady};
    ModelChannel& channel = model[channels_[cases.front()]];
    return cases.front() < 2 ? to_end(channel.try_recv()) : to_end(channel.try_send(value_));
  }

  const std::vector<std::size_t> channels_ =
      *rc::gen::container<std::vector<std::size_t>>(4, rc::gen::inRange<std::size_t>(0, kChannels));
  const int value_ = *rc::gen::arbitrary<int>();
};

RC_GTEST_PROP(ChannelProperty, DoesAsItsModel, ()) {
  // The last one stays nil.
  Model model;
  for (std::size_t i = 0; i < kChannels; ++i) {
    model[i].is_nil = i == kChannels - 1;
    model[i].capacity =
        model[i].is_nil ? 0
                        : *rc::gen::weightedElement<std::size_t>({{1, 0}, {2, 1}, {2, 2}, {1, 7}});
  }
  Real real;
  for (std::size_t i = 0; i < kChannels; ++i)
    if (!model[i].is_nil) real[i] = Channel<int>("model", model[i].capacity);

  rc::state::check(
      model, real,
      rc::state::gen::execOneOfWithArgs<TrySend<false>, TrySend<true>, TryRecv<false>,
                                        TryRecv<true>, Send, Recv, Close, SelectOne>());
}

// Where several cases are ready the choice is the library's; it must be one of them.
RC_GTEST_PROP(SelectProperty, TakesACaseThatIsReady,
              (const std::vector<bool>& is_filled, bool has_closed)) {
  RC_PRE(is_filled.size() >= 4u);
  std::array<Channel<std::size_t>, 4> channels;
  for (std::size_t i = 0; i < 4; ++i) {
    channels[i] = Channel<std::size_t>("ready", 1);
    if (is_filled[i]) channels[i].send(i);
  }
  if (has_closed) channels[3].close();
  const auto is_ready = [&](std::size_t i) { return is_filled[i] || (i == 3 && has_closed); };
  const bool any = is_ready(0) || is_ready(1) || is_ready(2) || is_ready(3);

  std::optional<std::size_t> got;
  const auto receive = [&](std::optional<std::size_t> value) { got = value; };
  const std::size_t taken =
      select(on_recv(channels[0], receive), on_recv(channels[1], receive),
             on_recv(channels[2], receive), on_recv(channels[3], receive), on_default());

  RC_ASSERT((taken == 4) == !any);
  if (taken < 4) {
    RC_ASSERT(is_ready(taken));
    RC_ASSERT(got == (is_filled[taken] ? std::optional(taken) : std::nullopt));
    RC_ASSERT(channels[taken].size() == 0u);
  }
}

}  // namespace
}  // namespace chantrace
