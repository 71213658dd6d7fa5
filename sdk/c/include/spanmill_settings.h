/* Settings: the component's section of the manifest, as JSON. Part of spanmill.h. */
#ifndef SPANMILL_SETTINGS_H
#define SPANMILL_SETTINGS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { SM_JSON_NULL, SM_JSON_BOOL, SM_JSON_NUMBER, SM_JSON_TEXT, SM_JSON_LIST, SM_JSON_OBJECT } sm_json_type;

/* A value of the settings. It lives as long as the instance. */
typedef struct sm_json {
  sm_json_type type;
  bool truth;
  double number;
  sm_text text;
  /* Of a list or an object: the first entry, and how many there are. */
  struct sm_json *first;
  size_t count;
  /* Where it stands. */
  struct sm_json *next;
  const struct sm_json *parent;
  sm_text key;
  size_t index;
  bool is_known;
} sm_json;

typedef struct sm_settings sm_settings;

/* All of the settings: an object. */
sm_json *sm_settings_root(sm_settings *settings);

/* The value of a key of an object, if it has the type. NULL if it is not there, or of another type, which is a mistake.
 * Keys of the object that are never asked for are mistakes as well. */
sm_json *sm_required(sm_settings *settings, sm_json *object, const char *key, sm_json_type type);
sm_json *sm_optional(sm_settings *settings, sm_json *object, const char *key, sm_json_type type);

/* Whether a value, such as an entry of a list, has a type; a mistake if not. */
bool sm_expect(sm_settings *settings, const sm_json *value, sm_json_type type);

/* Notes a mistake at a place: what is wrong and what to do, in lower case, without a full stop. `configure` notes all
 * of them, and the plugin is refused if there are any. */
void sm_mistake(sm_settings *settings, const sm_json *at, const char *message);

/* Whether a mistake was noted so far. */
bool sm_has_mistakes(const sm_settings *settings);

/* The plugin cannot run here, whatever the settings. */
void sm_unavailable(sm_settings *settings, const char *why);

#ifdef __cplusplus
}
#endif
#endif
