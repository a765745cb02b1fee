/// \file
/// All of the library.
#pragma once

#include "chantrace/analyzer.h"
#include "chantrace/channel.h"
#include "chantrace/condition_variable.h"
#include "chantrace/context.h"
#include "chantrace/explore.h"
#include "chantrace/finding.h"
#include "chantrace/inspect.h"
#include "chantrace/misuse.h"
#include "chantrace/mutex.h"
#include "chantrace/no_touch.h"
#include "chantrace/once.h"
#include "chantrace/schedule.h"
#include "chantrace/select.h"
#include "chantrace/semaphore.h"
#include "chantrace/session.h"
#include "chantrace/shared.h"
#include "chantrace/sink.h"
#include "chantrace/task.h"
#include "chantrace/time.h"
#include "chantrace/wait_group.h"
