#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::TaskRun;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

pirn::Fields batch(int images, int broken = 0) {
  std::vector<pirn::json::Text> pending;
  for (int i = 1; i <= images; ++i)
    pending.push_back(pirn::json::object(
        {{"id", "img-" + std::to_string(i)}, {"width", i <= broken ? 0 : 1600}, {"height", 1200}}));
  return {{"batch_id", "b-1"}, {"pending", pending}};
}

TEST(BatchImageProcessing, ProcessesEachImage) {
  Workflow images("batch_image_processing");
  images.start(batch(25)).run();
  ASSERT_TRUE(images.completed()) << images.text();
  EXPECT_EQ(images.messages(), Strings{"batch b-1: 25 images, 25 processed, 0 failed"});
  EXPECT_EQ(images.get<int64_t>("process_img-7_width"), 800);
}

TEST(BatchImageProcessing, CountsWhatIsNoImage) {
  Workflow images("batch_image_processing");
  images.start(batch(5, 2)).run();
  ASSERT_TRUE(images.completed()) << images.text();
  EXPECT_EQ(images.messages(), Strings{"batch b-1: 5 images, 3 processed, 2 failed"});
  EXPECT_EQ(images.get<std::string>("process_img-1_error"), "img-1 has no size");
}

TEST(BatchImageProcessing, HasNothingToDoWithoutImages) {
  Workflow images("batch_image_processing");
  images.start(batch(0)).run();
  EXPECT_EQ(images.error_code(), "empty_batch") << images.text();
}

TEST(BatchImageProcessing, ProcessesTenAtATime) {
  Workflow images("batch_image_processing");
  for (int i = 1; i <= 25; ++i) images.takes("process_img-" + std::to_string(i), 10_s);
  images.start(batch(25)).run();
  EXPECT_TRUE(images.completed()) << images.text();
  EXPECT_EQ(images.elapsed(), 30_s);
}

TEST(BatchImageProcessing, KeepsTheShapeOfAnImage) {
  auto ran = TaskRun("process_single_image").params({{"id", "x"}, {"width", 600}, {"height", 1200}}).run();
  ASSERT_TRUE(ran.done()) << ran.text();
  EXPECT_EQ(ran.get<int64_t>("width"), 300);
  EXPECT_EQ(ran.get<int64_t>("height"), 600);
}

}  // namespace
