/// \file
/// Scenes of a process that goes on.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "model/scene.h"

namespace chantrace::view {

/// Makes a newer scene now and then, in a thread of its own.
///
/// Threads: any thread.
class PolledScenes final : public SceneSource {
 public:
  /// What there is; nullptr: nothing is new.
  using Make = std::function<std::shared_ptr<const Scene>()>;
  using StartThread = std::function<std::thread(std::function<void()>)>;

  /// `first` is shown until `make`, which is called each `period`, has something newer.
  PolledScenes(std::shared_ptr<const Scene> first, Make make, std::chrono::milliseconds period,
               const StartThread& start_thread = {});
  ~PolledScenes() override;
  PolledScenes(const PolledScenes&) = delete;
  PolledScenes& operator=(const PolledScenes&) = delete;

  std::shared_ptr<const Scene> current() override;
  bool is_live() const override { return !is_over_; }
  /// Makes the last one, and ends.
  void finish();

 private:
  void run(std::chrono::milliseconds period);

  const Make make_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::shared_ptr<const Scene> newest_;
  bool is_ending_ = false;
  std::atomic<bool> is_over_ = false;  ///< Read by whoever shows it.
  std::thread thread_;
};

}  // namespace chantrace::view
