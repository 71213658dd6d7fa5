// drop_routes once more, in C++: what spanmill.hpp is tested with.
#include "spanmill.hpp"

#include <string_view>

struct DropRoutes {
  sm_json *routes = nullptr;
  sm_attribute_field route = {};
  spanmill::Answers dropped;

  void configure(spanmill::Settings settings, spanmill::Contract contract) {
    routes = settings.required(settings.root(), "routes", SM_JSON_LIST);
    for (sm_json *entry = routes ? routes->first : nullptr; entry; entry = entry->next) {
      if (settings.expect(entry, SM_JSON_TEXT) && entry->text.length == 0) {
        settings.mistake(entry, "must not be empty; take the line out");
      }
    }
    route = contract.attribute(SM_SPAN, "http.route");
  }

  bool is_dropped(std::string_view text) const {
    for (const sm_json *entry = routes->first; entry; entry = entry->next) {
      if (spanmill::view(entry->text) == text) return true;
    }
    return false;
  }

  spanmill::Status process(spanmill::Batch batch, spanmill::Outcome outcome) {
    dropped.begin(batch);
    spanmill::Values values = batch.column(route);
    for (std::size_t row = 0; row < values.size(); row++) {
      if (dropped(batch, values.text(row), [this](std::string_view text) { return is_dropped(text); })) {
        outcome.drop(SM_SPAN, row);
      }
    }
    return SM_OK;
  }
};

SPANMILL_PROCESSOR_CLASS(DropRoutes)
SPANMILL_ABOUT("drop_routes", "0.1.0", "Drops the spans of some routes.", "")
