#include <gtest/gtest.h>

#include "chantrace/listener.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  chantrace::install_listener(&argc, argv);
  return RUN_ALL_TESTS();
}
