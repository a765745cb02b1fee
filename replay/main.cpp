/// \file
/// The `chantrace` command. Each subcommand is a file pair of its own.

#include <CLI/CLI.hpp>

#include "attach.h"
#include "check.h"
#include "command_line.h"
#include "completion.h"
#include "diff.h"
#include "explain.h"
#include "export.h"
#include "manual.h"
#include "merge.h"
#include "recover.h"
#include "replay.h"
#include "show.h"
#include "shrink.h"
#include "stats.h"
#include "tui.h"
#include "view.h"

int main(int argc, char** argv) {
  using namespace chantrace::replay;

  CLI::App app;
  Context context;
  describe_app(app);
  add_check(app, context);
  add_show(app, context);
  add_stats(app, context);
  add_view(app, context);
  add_tui(app, context);
  add_attach(app, context);
  add_export(app, context);
  add_recover(app, context);
  add_replay(app, context);
  add_diff(app, context);
  add_merge(app, context);
  add_explain(app, context);
  add_shrink(app, context);
  add_completion(app, context);
  add_manual(app, context);
  return run(app, context, {argv + 1, argv + argc});
}
