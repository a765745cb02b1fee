// A wait within the loop that starts what is waited for.
#include <memory>

#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void moby_25384(Variant variant) {
  go("init", [=] {
    const auto group = std::make_shared<WaitGroup>("volumes", 2);
    for (int i = 0; i < 2; ++i) {
      go("volume", [=] { group->done(); });
      if (variant == Variant::kFaulty) group->wait();
    }
    group->wait();
  });
}

}  // namespace chantrace::bugs
