// One step for each image of a batch, ten at a time. An image that cannot be processed is counted and does
// not fail the batch.
//
// From document 2 (the workflow system): "Real-World Examples / Batch Processing with Dynamic Steps".
//
// Corrected: The document's steps are closures over their image. Here the image is a parameter of the step,
// so that it survives a restart of the host.
//
// To run it, pack it as README.md shows, then:
//   input='{"batch_id": "b-1", "pending": [{"id": "img-1", "width": 1600, "height": 1200}]}'
//   pirn run batch_image_processing --local --package batch_image_processing.pirn --input "$input"
#include <algorithm>
#include <pirn/pirn.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;

namespace {

struct Image {
  std::string id;
  int64_t width = 0, height = 0, bytes = 0;
};

// Into 800 x 600, as it is if it fits.
void resize(Image& image) {
  if (image.width <= 0 || image.height <= 0) throw pirn::Error("not_an_image", image.id + " has no size");
  const double factor =
      std::min({1.0, 800.0 / static_cast<double>(image.width), 600.0 / static_cast<double>(image.height)});
  image.width = static_cast<int64_t>(static_cast<double>(image.width) * factor);
  image.height = static_cast<int64_t>(static_cast<double>(image.height) * factor);
}
void optimize(Image& image) { image.bytes = image.width * image.height / 10; }
std::string upload(const Image& image) { return "https://images.example/" + image.id; }

}  // namespace

PIRN_TASK(process_single_image) {
  Image image{ctx.param<std::string>("id"), ctx.param<int64_t>("width"), ctx.param<int64_t>("height")};
  try {
    resize(image);
    optimize(image);
  } catch (const pirn::Error& error) {
    return pirn::ok({{"status", "error"}, {"error", error.message()}});
  }
  return pirn::ok({{"status", "ok"},
                   {"url", upload(image)},
                   {"width", image.width},
                   {"height", image.height},
                   {"bytes", image.bytes}});
}

PIRN_STEP(fetch_images) {
  const auto pending = ctx.get<pirn::json::View>("pending");
  if (pending.size() == 0) return pirn::fail("empty_batch", "no image is pending", pirn::terminal);
  return pirn::ok({{"images", pending}, {"total_count", pending.size()}});
}
PIRN_STEP(process_images, {.after = fetch_images, .graft = true}) {
  std::vector<pirn::Child> expansions;
  for (pirn::json::View image : ctx.get<pirn::json::View>("images").items())
    expansions.push_back(pirn::child("process_" + image.get<std::string>("id"), process_single_image,
                                     {{"id", image.get<std::string>("id")},
                                      {"width", image.get<int64_t>("width")},
                                      {"height", image.get<int64_t>("height")}}));
  return pirn::expand(std::move(expansions));
}
PIRN_STEP(aggregate_results, {.after_graft = process_images}) {
  int64_t processed = 0, failed = 0;
  std::vector<pirn::json::View> results;
  for (pirn::json::View image : ctx.get<pirn::json::View>("images").items()) {
    results.push_back(ctx.get<pirn::json::View>("process_" + image.get<std::string>("id")));
    (results.back().get<std::string>("status") == "ok" ? processed : failed) += 1;
  }
  return pirn::ok({{"processed", processed}, {"failed", failed}, {"results", results}});
}
PIRN_STEP(send_report, {.after = aggregate_results}) {
  ctx.info("batch " + ctx.get<std::string>("batch_id") + ": " +
           std::to_string(ctx.get<int64_t>("total_count")) + " images, " +
           std::to_string(ctx.get<int64_t>("processed")) + " processed, " +
           std::to_string(ctx.get<int64_t>("failed")) + " failed");
  return pirn::ok();
}

PIRN_WORKFLOW(batch_image_processing, {.timeout = 1_h, .step_concurrency = 10}, fetch_images, process_images,
              aggregate_results, send_report)

PIRN_PACKAGE("batch_image_processing", PIRN_PACKAGE_VERSION, {.description = "A step for each image"},
             batch_image_processing, process_single_image)
