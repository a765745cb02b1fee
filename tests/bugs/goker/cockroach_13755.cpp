// A context that nobody cancels.
#include "bugs/kernels.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void cockroach_13755(Variant variant) {
  const Context context = with_cancel(Context::background());
  go("rows", [=] { context.done().recv(); });
  if (variant == Variant::kFixed) context.cancel();
}

}  // namespace chantrace::bugs
