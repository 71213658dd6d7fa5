/* What a plugin's file ends with: its roles, and what it has besides. Part of spanmill.h. Each macro exports one
 * interface of the contract from the component, so a plugin exports just those that it has. Outside WebAssembly they
 * make the constants by which the test kit finds the plugin. */
#ifndef SPANMILL_REGISTER_H
#define SPANMILL_REGISTER_H

typedef void sm_configure_processor(sm_settings *settings, sm_contract *contract);
typedef sm_status sm_process(const sm_batch *batch, sm_outcome *outcome);
typedef void sm_configure_connector(sm_settings *settings, sm_contract *contract, sm_metric_stream *stream);
typedef sm_status sm_process_connector(const sm_batch *batch, sm_emission *emission);
typedef void sm_configure_record_connector(sm_settings *settings, sm_contract *contract, sm_record_stream *stream);
typedef sm_status sm_process_record_connector(const sm_batch *batch, sm_records *records);
typedef void sm_configure_router(sm_settings *settings, const sm_pipelines *pipelines, sm_contract *contract);
typedef sm_status sm_process_router(const sm_batch *batch, sm_routes *routes);
typedef sm_u8s sm_snapshot(void);
typedef sm_restored sm_restore(uint32_t format, sm_u8s data);
typedef sm_status sm_tick(uint64_t now_unix_nano, bool ending, sm_decisions *decisions);
typedef sm_status sm_review_batch(const sm_batch *batch);

typedef struct {
  sm_configure_processor *configure;
  sm_process *process;
} sm_processor;
typedef struct {
  sm_configure_connector *configure;
  sm_process_connector *process;
} sm_connector;
typedef struct {
  sm_configure_record_connector *configure;
  sm_process_record_connector *process;
} sm_record_connector;
typedef struct {
  sm_configure_router *configure;
  sm_process_router *process;
} sm_router;
typedef struct {
  uint32_t format;
  sm_snapshot *snapshot;
  sm_restore *restore;
} sm_state;
typedef struct {
  sm_tick *tick;
  sm_review_batch *review;
} sm_ticker;

/* A batch as it is lowered: the parameters of `process`. */
#define SM_LOWERED                                                                                                     \
  uint32_t signal, uint64_t received, const uint32_t *ends, size_t end_count, const uint8_t *bytes, size_t byte_count, \
      const sm_table *tables, size_t table_count
#define SM_LOWERED_ARGUMENTS signal, received, ends, end_count, bytes, byte_count, tables, table_count

const void *sm_call_configure_processor(const sm_processor *plugin, const char *settings, size_t length);
const void *sm_call_process(const sm_processor *plugin, SM_LOWERED);
const void *sm_call_configure_connector(const sm_connector *plugin, const char *settings, size_t length);
const void *sm_call_process_connector(const sm_connector *plugin, SM_LOWERED);
const void *sm_call_configure_record_connector(const sm_record_connector *plugin, const char *settings, size_t length);
const void *sm_call_process_record_connector(const sm_record_connector *plugin, SM_LOWERED);
const void *sm_call_configure_router(const sm_router *plugin, const char *settings, size_t length, uint32_t signal,
                                     const sm_text *pipelines, size_t count);
const void *sm_call_process_router(const sm_router *plugin, SM_LOWERED);
const void *sm_call_snapshot(const sm_state *plugin);
const void *sm_call_restore(const sm_state *plugin, uint32_t format, const uint8_t *data, size_t length);
const void *sm_call_describe(const sm_text description[4]);
const void *sm_call_tick(const sm_ticker *plugin, uint64_t now, uint32_t ending);
const void *sm_call_review(const sm_ticker *plugin, SM_LOWERED);

#ifdef __wasm__
#define SM_EXPORT(interface, function) \
  __attribute__((export_name("spanmill:plugin/" interface "@0.1.0#" function), used)) const void *
#define SM_ROLE(interface, role, configure, process)                                                  \
  static const sm_##role sm_the_##role = {configure, process};                                        \
  SM_EXPORT(interface, "configure") sm_export_configure_##role(const char *settings, size_t length) { \
    return sm_call_configure_##role(&sm_the_##role, settings, length);                                \
  }
#define SM_PROCESS(interface, role, call)                                \
  SM_EXPORT(interface, "process") sm_export_process_##role(SM_LOWERED) { \
    return call(&sm_the_##role, SM_LOWERED_ARGUMENTS);                   \
  }

/* A processor: void configure(sm_settings *, sm_contract *), sm_status process(const sm_batch *, sm_outcome *). */
#define SPANMILL_PROCESSOR(configure, process)        \
  SM_ROLE("processor", processor, configure, process) \
  SM_PROCESS("processor", processor, sm_call_process)
/* A connector that measures. */
#define SPANMILL_CONNECTOR(configure, process)        \
  SM_ROLE("connector", connector, configure, process) \
  SM_PROCESS("connector", connector, sm_call_process_connector)
/* A connector that makes spans or log records. */
#define SPANMILL_RECORD_CONNECTOR(configure, process)               \
  SM_ROLE("record-connector", record_connector, configure, process) \
  SM_PROCESS("record-connector", record_connector, sm_call_process_record_connector)
/* A connector that chooses pipelines. */
#define SPANMILL_ROUTER(configure, process)                                                              \
  static const sm_router sm_the_router = {configure, process};                                           \
  SM_EXPORT("router", "configure")                                                                       \
  sm_export_configure_router(const char *settings, size_t length, uint32_t signal, const sm_text *names, \
                             size_t count) {                                                             \
    return sm_call_configure_router(&sm_the_router, settings, length, signal, names, count);             \
  }                                                                                                      \
  SM_PROCESS("router", router, sm_call_process_router)
/* What the plugin knows of earlier batches, handed on: the number of its layout, and two functions. */
#define SPANMILL_STATE(format, snapshot, restore)                                                     \
  static const sm_state sm_the_state = {format, snapshot, restore};                                   \
  SM_EXPORT("state", "snapshot") sm_export_snapshot(void) { return sm_call_snapshot(&sm_the_state); } \
  SM_EXPORT("state", "restore") sm_export_restore(uint32_t of, const uint8_t *data, size_t length) {  \
    return sm_call_restore(&sm_the_state, of, data, length);                                          \
  }
/* Decides on what is held. */
#define SPANMILL_TICKER(tick, review)                                         \
  static const sm_ticker sm_the_ticker = {tick, review};                      \
  SM_EXPORT("ticker", "tick") sm_export_tick(uint64_t now, uint32_t ending) { \
    return sm_call_tick(&sm_the_ticker, now, ending);                         \
  }                                                                           \
  SM_EXPORT("ticker", "review") sm_export_review(SM_LOWERED) {                \
    return sm_call_review(&sm_the_ticker, SM_LOWERED_ARGUMENTS);              \
  }
/* What the plugin is: name, version, a line on what it does, and the JSON Schema of its settings. */
#define SPANMILL_ABOUT(name, version, summary, schema)      \
  SM_EXPORT("about", "describe") sm_export_describe(void) { \
    static sm_text description[4];                          \
    description[0] = sm_str(name);                          \
    description[1] = sm_str(version);                       \
    description[2] = sm_str(summary);                       \
    description[3] = sm_str(schema);                        \
    return sm_call_describe(description);                   \
  }
#else
#ifdef __cplusplus
#define SM_CONSTANT extern "C" const
#else
#define SM_CONSTANT const
#endif
#define SPANMILL_PROCESSOR(configure, process) SM_CONSTANT sm_processor sm_the_processor = {configure, process};
#define SPANMILL_CONNECTOR(configure, process) SM_CONSTANT sm_connector sm_the_connector = {configure, process};
#define SPANMILL_RECORD_CONNECTOR(configure, process) \
  SM_CONSTANT sm_record_connector sm_the_record_connector = {configure, process};
#define SPANMILL_ROUTER(configure, process) SM_CONSTANT sm_router sm_the_router = {configure, process};
#define SPANMILL_STATE(format, snapshot, restore) SM_CONSTANT sm_state sm_the_state = {format, snapshot, restore};
#define SPANMILL_TICKER(tick, review) SM_CONSTANT sm_ticker sm_the_ticker = {tick, review};
#define SPANMILL_ABOUT(name, version, summary, schema) \
  SM_CONSTANT char *const sm_the_description[4] = {name, version, summary, schema};
#endif

#endif
