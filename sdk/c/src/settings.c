/* Settings read from JSON. What is read lives as long as the instance: settings are small, and read once. */
#include <ctype.h>

#include "internal.h"

typedef struct {
  const char *at, *end;
  bool failed;
} reader;

static sm_json *value(reader *in, int depth);

static void *kept(size_t size) {
  void *memory = calloc(1, size);
  if (memory == NULL) sm_panic("out of memory");
  return memory;
}

static bool take(reader *in, const char *token) {
  while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at) in->at++;
  size_t length = strlen(token);
  if ((size_t)(in->end - in->at) < length || memcmp(in->at, token, length) != 0) return false;
  in->at += length;
  return true;
}

static unsigned hex(reader *in) {
  unsigned number = 0;
  for (int digit = 0; digit < 4; digit++, in->at++) {
    if (in->at == in->end || !isxdigit((unsigned char)*in->at)) {
      in->failed = true;
      return 0;
    }
    int letter = tolower((unsigned char)*in->at);
    number = number * 16 + (unsigned)(letter <= '9' ? letter - '0' : letter - 'a' + 10);
  }
  return number;
}

static char *encoded(char *out, unsigned character) {
  if (character < 0x80) {
    *out++ = (char)character;
  } else if (character < 0x800) {
    *out++ = (char)(0xc0 | character >> 6);
    *out++ = (char)(0x80 | (character & 0x3f));
  } else if (character < 0x10000) {
    *out++ = (char)(0xe0 | character >> 12);
    *out++ = (char)(0x80 | (character >> 6 & 0x3f));
    *out++ = (char)(0x80 | (character & 0x3f));
  } else {
    *out++ = (char)(0xf0 | character >> 18);
    *out++ = (char)(0x80 | (character >> 12 & 0x3f));
    *out++ = (char)(0x80 | (character >> 6 & 0x3f));
    *out++ = (char)(0x80 | (character & 0x3f));
  }
  return out;
}

/* Behind the opening quote. */
static sm_text string(reader *in) {
  char *data = kept((size_t)(in->end - in->at) + 1), *out = data;
  while (in->at < in->end && *in->at != '"') {
    if (*in->at != '\\') {
      *out++ = *in->at++;
      continue;
    }
    if (++in->at == in->end) break;
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char letter = *in->at++;
    const char *escape = letter ? strchr(escapes, letter) : NULL;
    if (escape) {
      *out++ = meant[escape - escapes];
    } else if (letter == 'u') {
      unsigned character = hex(in);
      if (character >= 0xd800 && character < 0xdc00 && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u') {
        in->at += 2;
        unsigned low = hex(in);
        character = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
      } else if (character >= 0xd800 && character < 0xe000) {
        character = 0xfffd;
      }
      out = encoded(out, character);
    } else {
      in->failed = true;
      break;
    }
  }
  if (!take(in, "\"")) in->failed = true;
  return (sm_text){data, (size_t)(out - data)};
}

static void entries(reader *in, sm_json *into, const char *end, int depth) {
  sm_json **last = &into->first;
  if (take(in, end)) return;
  while (!in->failed) {
    sm_text key = {"", 0};
    if (into->type == SM_JSON_OBJECT) {
      if (!take(in, "\"")) break;
      key = string(in);
      if (!take(in, ":")) break;
    }
    sm_json *entry = value(in, depth + 1);
    if (entry == NULL) break;
    entry->key = key;
    entry->parent = into;
    entry->index = into->count++;
    *last = entry;
    last = &entry->next;
    if (take(in, end)) return;
    if (!take(in, ",")) break;
  }
  in->failed = true;
}

static sm_json *value(reader *in, int depth) {
  sm_json *json = kept(sizeof *json);
  if (depth > 200) {
    in->failed = true;
  } else if (take(in, "null")) {
    json->type = SM_JSON_NULL;
  } else if (take(in, "true")) {
    json->type = SM_JSON_BOOL;
    json->truth = true;
  } else if (take(in, "false")) {
    json->type = SM_JSON_BOOL;
  } else if (take(in, "\"")) {
    json->type = SM_JSON_TEXT;
    json->text = string(in);
  } else if (take(in, "{")) {
    json->type = SM_JSON_OBJECT;
    entries(in, json, "}", depth);
  } else if (take(in, "[")) {
    json->type = SM_JSON_LIST;
    entries(in, json, "]", depth);
  } else {
    const char *begin = in->at;
    while (in->at < in->end && *in->at && strchr("+-.0123456789eE", *in->at)) in->at++;
    json->type = SM_JSON_NUMBER;
    in->failed = in->failed || !sm_read_number(begin, (size_t)(in->at - begin), &json->number);
  }
  return in->failed ? NULL : json;
}

void sm_settings_read(sm_settings *settings, const char *text, size_t length) {
  reader in = {text, text + length, false};
  settings->problems.count = 0;
  settings->unavailable = NULL;
  settings->root = value(&in, 0);
  if (settings->root && !take(&in, "")) in.failed = true;
  if (settings->root == NULL || in.failed || in.at != in.end) {
    /* No object, so that its keys are not missed. */
    settings->root = kept(sizeof *settings->root);
    sm_mistake(settings, settings->root, "the settings are no JSON");
  } else if (settings->root->type == SM_JSON_NULL) {
    /* An empty section of the manifest. */
    settings->root->type = SM_JSON_OBJECT;
  } else {
    sm_expect(settings, settings->root, SM_JSON_OBJECT);
  }
}

sm_json *sm_settings_root(sm_settings *settings) { return settings->root; }

/* RFC 6901. */
static sm_text pointer(const sm_json *at) {
  if (at->parent == NULL) return sm_str("");
  sm_text before = pointer(at->parent);
  char *step = kept(2 * at->key.length + 24);
  size_t length = 0;
  step[length++] = '/';
  if (at->parent->type == SM_JSON_LIST) {
    char digits[20];
    size_t digit = sizeof digits, rest = at->index;
    do digits[--digit] = (char)('0' + rest % 10);
    while (rest /= 10);
    memcpy(step + length, digits + digit, sizeof digits - digit);
    length += sizeof digits - digit;
  }
  for (size_t letter = 0; letter < at->key.length; letter++) {
    char of = at->key.data[letter];
    if (of == '~' || of == '/') {
      step[length++] = '~';
      of = of == '~' ? '0' : '1';
    }
    step[length++] = of;
  }
  return sm_join(before, ((sm_text){step, length}));
}

static void note(sm_settings *settings, const sm_json *at, sm_text message) {
  sm_push(&settings->problems, (sm_problem){pointer(at), message});
}

void sm_mistake(sm_settings *settings, const sm_json *at, const char *message) {
  note(settings, at, sm_join(sm_str(message)));
}

bool sm_has_mistakes(const sm_settings *settings) { return settings->problems.count > 0 || settings->unavailable; }

void sm_unavailable(sm_settings *settings, const char *why) { settings->unavailable = sm_join(sm_str(why)).data; }

bool sm_expect(sm_settings *settings, const sm_json *json, sm_json_type type) {
  static const char *const names[] = {"null", "true or false", "a number", "a text", "a list", "a mapping"};
  if (json->type == type) return true;
  note(settings, json, sm_join(sm_str("must be "), sm_str(names[type]), sm_str(", not "), sm_str(names[json->type])));
  return false;
}

/* The value of a key. */
static sm_json *find(sm_settings *settings, sm_json *object, const char *key) {
  sm_json *found = NULL;
  for (sm_json *entry = object->first; entry; entry = entry->next) {
    if (!sm_text_equal(entry->key, sm_str(key))) continue;
    if (found) sm_mistake(settings, entry, "the key stands there twice; take one out");
    entry->is_known = true;
    found = entry;
  }
  return found;
}

/* The keys that were asked for, by object. */
static SM_VECTOR(struct {
  const sm_json *object;
  const char *key;
}) asked;

sm_json *sm_optional(sm_settings *settings, sm_json *object, const char *key, sm_json_type type) {
  if (object->type != SM_JSON_OBJECT) return NULL;
  sm_reserve(&asked, 1);
  asked.items[asked.count].object = object;
  asked.items[asked.count++].key = key;
  sm_json *found = find(settings, object, key);
  return found && sm_expect(settings, found, type) ? found : NULL;
}

sm_json *sm_required(sm_settings *settings, sm_json *object, const char *key, sm_json_type type) {
  size_t before = settings->problems.count;
  sm_json *found = sm_optional(settings, object, key, type);
  if (found == NULL && settings->problems.count == before && object->type == SM_JSON_OBJECT) {
    note(settings, object, sm_join(sm_str("missing key `"), sm_str(key), sm_str("`")));
  }
  return found;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Levenshtein's distance, without regard to case; at most 64 letters. */
static size_t distance(sm_text left, sm_text right) {
  size_t row[65];
  if (right.length > 64 || left.length > 64) return SIZE_MAX;
  for (size_t at = 0; at <= right.length; at++) row[at] = at;
  for (size_t line = 0; line < left.length; line++) {
    size_t diagonal = row[0];
    row[0] = line + 1;
    for (size_t at = 0; at < right.length; at++) {
      size_t above = row[at + 1];
      bool differs = tolower((unsigned char)left.data[line]) != tolower((unsigned char)right.data[at]);
      row[at + 1] = least(diagonal + differs, least(above, row[at]) + 1);
      diagonal = above;
    }
  }
  return row[right.length];
}

/* What an unknown key was meant to be, or what is known. */
static sm_text unknown(const sm_json *entry) {
  const char *closest = NULL;
  size_t limit = entry->key.length > 3 ? 2 : 1, best = SIZE_MAX;
  if (entry->key.length / 3 > limit) limit = entry->key.length / 3;
  sm_text known = sm_str("");
  for (size_t at = 0; at < asked.count; at++) {
    if (asked.items[at].object != entry->parent) continue;
    const char *key = asked.items[at].key;
    size_t far = distance(entry->key, sm_str(key));
    if (far <= limit && far < best) {
      best = far;
      closest = key;
    }
    known = sm_join(known, sm_str(known.length ? "`, `" : "; known are `"), sm_str(key));
  }
  sm_text begin = sm_join(sm_str("unknown key `"), entry->key, sm_str("`"));
  if (closest) return sm_join(begin, sm_str("; did you mean `"), sm_str(closest), sm_str("`?"));
  return known.length ? sm_join(begin, known, sm_str("`")) : sm_join(begin, sm_str("; there are no settings"));
}

static void finish(sm_settings *settings, const sm_json *json, bool is_root) {
  bool is_checked = is_root;
  for (size_t at = 0; at < asked.count; at++) is_checked = is_checked || asked.items[at].object == json;
  for (const sm_json *entry = json->first; entry; entry = entry->next) {
    if (json->type == SM_JSON_OBJECT && is_checked && !entry->is_known) note(settings, entry, unknown(entry));
    finish(settings, entry, false);
  }
}

void sm_settings_finish(sm_settings *settings) {
  finish(settings, settings->root, true);
  asked.count = 0;
}
