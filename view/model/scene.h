/// \file
/// What is shown of a trace, and where it comes from: a file, or a process that goes on.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/finding.h"
#include "chantrace/trace.h"

namespace chantrace::view {

/// A trace and what was found in it, as it is shown.
///
/// Threads: a plain value.
struct Scene {
  Trace trace;  ///< Its texts are printable, and its names short: see printable.h.
  std::vector<Finding> findings;
  std::string title;  ///< The test's or program's name.
  /// Empty, or what there is to tell of the source: "live, 1,204 events so far", "connection lost,
  /// trying again".
  std::string notice;
};

/// Where a scene comes from. That of a file never changes; that of a live process is replaced by a
/// newer one.
class SceneSource {
 public:
  virtual ~SceneSource() = default;
  /// The newest one, never null. Never waits. The same pointer as before: nothing is new.
  ///
  /// Threads: any thread.
  virtual std::shared_ptr<const Scene> current() = 0;
  /// Whether a newer scene may come; once false, it stays so.
  ///
  /// Threads: any thread.
  virtual bool is_live() const = 0;
};

/// Of what was read whole.
class FixedScene final : public SceneSource {
 public:
  explicit FixedScene(Scene scene) : scene_(std::make_shared<const Scene>(std::move(scene))) {}

  std::shared_ptr<const Scene> current() override { return scene_; }
  bool is_live() const override { return false; }

 private:
  const std::shared_ptr<const Scene> scene_;
};

}  // namespace chantrace::view
