// Thin C++ wrappers around spanmill.h: C++17, without exceptions, RTTI or allocation of its own.
//
// A plugin is a class with two member functions, and a registration:
//
//   struct DropRoutes {
//     void configure(spanmill::Settings settings, spanmill::Contract contract);
//     spanmill::Status process(spanmill::Batch batch, spanmill::Outcome outcome);
//   };
//   SPANMILL_PROCESSOR_CLASS(DropRoutes)
#ifndef SPANMILL_HPP
#define SPANMILL_HPP

#include "spanmill.h"

#include <cstdlib>
#include <string_view>

namespace spanmill {

using Status = sm_status;
using Cell = sm_cell;
using Context = sm_context;

inline std::string_view view(sm_text text) { return {text.data, text.length}; }
inline sm_text text(std::string_view text) { return {text.data(), text.size()}; }

// A list of the batch's, in place.
template <class T>
class List {
 public:
  List(const T *items, std::size_t count) : items_(items), count_(count) {}
  const T *begin() const { return items_; }
  const T *end() const { return items_ + count_; }
  std::size_t size() const { return count_; }
  const T &operator[](std::size_t at) const { return items_[at]; }

 private:
  const T *items_;
  std::size_t count_;
};

// One attribute of every row.
class Values {
 public:
  explicit Values(sm_values values) : values_(values) {}
  std::size_t size() const { return values_.rows; }
  // The pool index of a row's value if it is a text; else SM_ABSENT.
  std::uint32_t text(std::size_t row) const { return sm_value_text(values_, row); }
  Cell operator[](std::size_t row) const { return sm_value_at(values_, row); }

 private:
  sm_values values_;
};

// A batch. It is good until `process` returns.
class Batch {
 public:
  explicit Batch(const sm_batch *raw) : raw_(raw) {}
  const sm_batch *raw() const { return raw_; }
  sm_signal signal() const { return raw_->signal; }
  std::uint64_t received_unix_nano() const { return raw_->received_unix_nano; }
  std::size_t rows(Context context) const { return sm_rows(raw_, context); }
  std::string_view text(std::uint32_t index) const { return view(sm_text_at(raw_, index)); }
  List<std::uint32_t> parents(Context context) const { return of(sm_parents(raw_, context)); }
  List<std::uint32_t> column(sm_text_field field) const { return of(sm_text_column(raw_, field)); }
  List<std::uint32_t> column(sm_narrow_field field) const { return of(sm_narrow_column(raw_, field)); }
  List<std::uint64_t> column(sm_wide_field field) const { return of(sm_wide_column(raw_, field)); }
  List<std::uint64_t> column(sm_trace_id_field field) const { return of(sm_trace_ids(raw_, field)); }
  sm_cells column(sm_cell_field field) const { return sm_cell_column(raw_, field); }
  sm_attributes column(sm_list_field field) const { return sm_attribute_lists(raw_, field); }
  Values column(sm_attribute_field field) const { return Values(sm_attribute(raw_, field)); }

 private:
  static List<std::uint32_t> of(sm_u32s list) { return {list.items, list.count}; }
  static List<std::uint64_t> of(sm_u64s list) { return {list.items, list.count}; }
  const sm_batch *raw_;
};

// Asks a question once for each distinct text of a batch. Its memory goes with it.
class Answers {
 public:
  Answers() = default;
  Answers(const Answers &) = delete;
  Answers &operator=(const Answers &) = delete;
  ~Answers() { std::free(answers_.known); }

  // Forgets the answers of the batch before. Call it first in `process`.
  void begin(Batch batch) { sm_answers_begin(&answers_, batch.raw()); }

  // Whether `ask(std::string_view)` holds of a text; not of one that is not there.
  template <class Ask>
  bool operator()(Batch batch, std::uint32_t index, Ask &&ask) {
    if (index == SM_ABSENT) return false;
    std::uint32_t &known = answers_.known[index];
    if (known == 0) known = ask(batch.text(index)) ? 2 : 1;
    return known == 2;
  }

 private:
  sm_answers answers_ = {nullptr, 0};
};

// What a plugin declares.
class Contract {
 public:
  explicit Contract(sm_contract *raw) : raw_(raw) {}
  sm_contract *raw() const { return raw_; }
  void take(unsigned signals) { sm_take(raw_, signals); }
  void shard(sm_sharding sharding) { sm_shard(raw_, sharding); }
  sm_text_field text(const char *path) { return sm_read_text(raw_, path); }
  sm_narrow_field narrow(const char *path) { return sm_read_narrow(raw_, path); }
  sm_wide_field wide(const char *path) { return sm_read_wide(raw_, path); }
  sm_trace_id_field trace_id(const char *path) { return sm_read_trace_id(raw_, path); }
  sm_cell_field cells(const char *path) { return sm_read_cells(raw_, path); }
  sm_attribute_field attribute(Context context, const char *key) { return sm_read_attribute(raw_, context, key); }
  sm_list_field attributes(Context context) { return sm_read_attributes(raw_, context); }
  sm_write_field write(const char *path) { return sm_write(raw_, path); }
  sm_write_field write_attribute(Context context, const char *key) { return sm_write_attribute(raw_, context, key); }
  sm_write_field write_attributes(Context context) { return sm_write_attributes(raw_, context); }
  sm_counter counter(const char *name) { return sm_declare_counter(raw_, name); }

 private:
  sm_contract *raw_;
};

// Settings. `root` and the values below it live as long as the instance.
class Settings {
 public:
  explicit Settings(sm_settings *raw) : raw_(raw) {}
  sm_settings *raw() const { return raw_; }
  sm_json *root() const { return sm_settings_root(raw_); }
  sm_json *required(sm_json *object, const char *key, sm_json_type type) {
    return sm_required(raw_, object, key, type);
  }
  sm_json *optional(sm_json *object, const char *key, sm_json_type type) {
    return sm_optional(raw_, object, key, type);
  }
  bool expect(const sm_json *value, sm_json_type type) { return sm_expect(raw_, value, type); }
  void mistake(const sm_json *at, const char *message) { sm_mistake(raw_, at, message); }

 private:
  sm_settings *raw_;
};

// What a processor did with a batch.
class Outcome {
 public:
  explicit Outcome(sm_outcome *raw) : raw_(raw) {}
  void drop(Context context, std::size_t row) { sm_drop_row(raw_, context, row); }
  void hold(Context context, std::size_t row) { sm_hold_row(raw_, context, row); }
  std::uint32_t text(std::string_view added) { return sm_new_text(sm_outcome_texts(raw_), spanmill::text(added)); }
  void set(sm_write_field field, std::size_t row, Cell value) { sm_set(raw_, field, row, value); }
  void set_all(sm_write_field field, Cell value) { sm_set_all(raw_, field, value); }
  void replace(sm_write_field field, std::uint32_t old_text, std::uint32_t new_text) {
    sm_replace(raw_, field, old_text, new_text);
  }
  void set_entry(sm_write_field field, std::uint32_t entry, Cell value) { sm_set_entry(raw_, field, entry, value); }
  void remove_entry(sm_write_field field, std::uint32_t entry) { sm_remove_entry(raw_, field, entry); }
  void append(sm_write_field field, std::size_t row, std::uint32_t key, Cell value) {
    sm_append(raw_, field, row, key, value);
  }

 private:
  sm_outcome *raw_;
};

// What a connector measured in one batch.
class Emission {
 public:
  explicit Emission(sm_emission *raw) : raw_(raw) {}
  sm_emission *raw() const { return raw_; }
  std::uint32_t text(std::string_view added) { return sm_new_text(sm_emission_texts(raw_), spanmill::text(added)); }
  void restart() { sm_restart(raw_); }
  void resource(std::uint32_t key, Cell value) { sm_series_resource(raw_, key, value); }
  void attribute(std::uint32_t key, Cell value) { sm_series_attribute(raw_, key, value); }
  void end_series() { sm_end_series(raw_); }
  void count(std::uint32_t instrument, std::uint32_t series) { sm_count_series(raw_, instrument, series); }
  void measure(std::uint32_t instrument, std::uint32_t series, double value) {
    sm_measure(raw_, instrument, series, value);
  }

 private:
  sm_emission *raw_;
};

// The instance's plugin: made anew by each configuration.
template <class Plugin>
class Instance {
 public:
  static Plugin &renewed() {
    delete plugin_;
    return *(plugin_ = new Plugin());
  }
  static Plugin &get() { return *plugin_; }

 private:
  static inline Plugin *plugin_ = nullptr;
};

}  // namespace spanmill

// Register a class in a role. The plugin's other exports are those of spanmill.h, such as SPANMILL_ABOUT.
#define SPANMILL_PROCESSOR_CLASS(Plugin)                                                                         \
  static void sm_class_configure(sm_settings *settings, sm_contract *contract) {                                 \
    spanmill::Instance<Plugin>::renewed().configure(spanmill::Settings(settings), spanmill::Contract(contract)); \
  }                                                                                                              \
  static sm_status sm_class_process(const sm_batch *batch, sm_outcome *outcome) {                                \
    return spanmill::Instance<Plugin>::get().process(spanmill::Batch(batch), spanmill::Outcome(outcome));        \
  }                                                                                                              \
  SPANMILL_PROCESSOR(sm_class_configure, sm_class_process)
#define SPANMILL_CONNECTOR_CLASS(Plugin)                                                                        \
  static void sm_class_configure(sm_settings *settings, sm_contract *contract, sm_metric_stream *stream) {      \
    spanmill::Instance<Plugin>::renewed().configure(spanmill::Settings(settings), spanmill::Contract(contract), \
                                                    *stream);                                                   \
  }                                                                                                             \
  static sm_status sm_class_process(const sm_batch *batch, sm_emission *emission) {                             \
    return spanmill::Instance<Plugin>::get().process(spanmill::Batch(batch), spanmill::Emission(emission));     \
  }                                                                                                             \
  SPANMILL_CONNECTOR(sm_class_configure, sm_class_process)

#endif
