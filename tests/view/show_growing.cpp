// Shows a trace that grows, as that of a live process does.
//
//   show_growing FOLDER    FOLDER/count says how many steps there are, FOLDER/end that it is all
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "replay/traces.h"
#include "terminal/terminal.h"

namespace {

using namespace chantrace;

class Growing final : public view::SceneSource {
 public:
  explicit Growing(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::shared_ptr<const view::Scene> current() override {
    int count = 0;
    std::ifstream(folder_ / "count") >> count;
    if (scene_ != nullptr && count <= count_) return scene_;
    count_ = count;
    replay::TraceMaker maker;
    for (int i = 0; i < count; ++i) maker.event(maker.body(), Operation::kYield, 0, {.line = 33});
    scene_ = std::make_shared<const view::Scene>(view::Scene{
        maker.cut_off(), {}, "Growing", "live, " + std::to_string(count) + " events so far"});
    return scene_;
  }
  bool is_live() const override { return !std::filesystem::exists(folder_ / "end"); }

 private:
  const std::filesystem::path folder_;
  int count_ = 0;
  std::shared_ptr<const view::Scene> scene_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Growing growing(argv[1]);
  const auto charset = view::usable_charset(view::Charset::kUtf8);
  const auto reason = view::show_in_terminal(growing, {charset, true});
  if (reason) std::fprintf(stderr, "%s\n", reason->c_str());
  return reason ? 1 : 0;
}
