//! What sanitizers make of URLs and of what is asked of databases: the same with what varies, or must not be seen, left out.

mod json;
mod lexer;
mod redis;
mod sql;
mod url;
mod words;

use std::borrow::Cow;

use serde::Deserialize;

use words::Words;

/// URLs with a star for each part that varies.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UrlSettings {
    /// `/users/42/cart?id=7` becomes `/users/*/cart`. A segment stays if it could be a word: by how often its letters
    /// follow each other in English.
    enabled: bool,
    /// Attributes that hold a URL or a path.
    attributes: Vec<String>,
    /// Whether names are sanitized as well, of client and server spans that have attributes of HTTP or a slash in their
    /// name.
    #[cfg_attr(test, schemars(extend("default" = true)))]
    sanitize_span_name: Option<bool>,
}

/// What is asked of databases, with a question mark for each value.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DatabaseSettings {
    /// Systems `other_sql`, `mysql`, `postgresql`, `mariadb`, `sqlite`: numbers, texts, booleans and nulls, and digits
    /// in names, become `?`.
    sql: Database,
    /// Commands keep their keys, values become `?`.
    redis: Database,
    /// As `redis`.
    valkey: Database,
    /// The first line stays.
    memcached: Database,
    /// JSON keeps its keys, values become `"?"`; what is no JSON stays.
    mongo: Database,
    /// As `mongo`.
    opensearch: Database,
    /// Elasticsearch, as `mongo`.
    es: Database,
    /// Whether names are sanitized as well, of client, server and internal spans that say which database they are
    /// about.
    #[cfg_attr(test, schemars(extend("default" = true)))]
    sanitize_span_name: Option<bool>,
}

/// A database, or several that speak one language.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Database {
    /// Sanitizes the attributes named, the names of spans, and all texts in log bodies.
    enabled: bool,
    /// Attributes that hold what is asked of it.
    attributes: Vec<String>,
}

/// How what is asked of a database is sanitized.
#[derive(Clone, Copy, Debug)]
enum Language {
    Sql,
    Redis,
    Memcached,
    Json,
}

/// A database whose texts are sanitized.
#[derive(Debug)]
struct Sanitizer {
    language: Language,
    /// The values of `db.system.name` that mean it.
    systems: &'static [&'static str],
    attributes: Vec<String>,
}

const SQL: &[&str] = &["other_sql", "mysql", "postgresql", "mariadb", "sqlite"];

/// What is done to a text: for URLs, and by database in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Plan {
    url: bool,
    databases: u8,
    is_mysql: bool,
}

impl Plan {
    /// Nothing is done.
    pub(crate) const NOTHING: Plan = Plan {
        url: false,
        databases: 0,
        is_mysql: false,
    };

    /// What is done under a key in a list that is about a database.
    pub(crate) fn within(self, system: System) -> Plan {
        let databases = self.databases & system.databases;
        Plan {
            url: self.url,
            databases,
            is_mysql: system.is_mysql && databases != 0,
        }
    }
}

/// The databases that what stands beside a value means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct System {
    databases: u8,
    is_mysql: bool,
}

impl System {
    /// Nothing says so.
    pub(crate) const NONE: System = System {
        databases: 0,
        is_mysql: false,
    };

    /// Any, one after the other, as in log records that say nothing of a database.
    pub(crate) const ANY: System = System {
        databases: u8::MAX,
        is_mysql: false,
    };
}

/// The sanitizers that are switched on.
#[derive(Debug)]
pub(crate) struct Sanitizers {
    urls: Option<Words>,
    url_attributes: Vec<String>,
    pub(crate) url_names: bool,
    databases: Vec<Sanitizer>,
    pub(crate) database_names: bool,
}

impl Sanitizers {
    pub(crate) fn new(urls: UrlSettings, databases: DatabaseSettings) -> Self {
        let each = [
            (databases.sql, Language::Sql, SQL),
            (databases.redis, Language::Redis, &["redis"]),
            (databases.valkey, Language::Redis, &["valkey"]),
            (databases.memcached, Language::Memcached, &["memcached"]),
            (databases.mongo, Language::Json, &["mongodb"]),
            (databases.opensearch, Language::Json, &["opensearch"]),
            (databases.es, Language::Json, &["elasticsearch"]),
        ];
        let enabled = each.into_iter().filter(|(section, ..)| section.enabled);
        let sanitizers: Vec<Sanitizer> = enabled
            .map(|(section, language, systems)| Sanitizer {
                language,
                systems,
                attributes: section.attributes,
            })
            .collect();
        Sanitizers {
            url_names: urls.enabled && urls.sanitize_span_name.unwrap_or(true),
            urls: urls.enabled.then(Words::default),
            url_attributes: urls.attributes,
            database_names: !sanitizers.is_empty() && databases.sanitize_span_name.unwrap_or(true),
            databases: sanitizers,
        }
    }

    /// Whether there is any.
    pub(crate) fn are_on(&self) -> bool {
        self.urls.is_some() || !self.databases.is_empty()
    }

    /// Whether what is done to attributes depends on the database that they are about.
    pub(crate) fn ask_for_system(&self) -> bool {
        let mut databases = self.databases.iter();
        databases.any(|database| !database.attributes.is_empty())
    }

    /// What is done under a key, whatever database it is about.
    pub(crate) fn of_key(&self, key: &str) -> Plan {
        let is_in = |keys: &[String]| keys.iter().any(|known| known == key);
        let databases = self.databases.iter().enumerate();
        let databases = databases.filter(|(_, database)| is_in(&database.attributes));
        Plan {
            url: self.urls.is_some() && is_in(&self.url_attributes),
            databases: databases.fold(0, |all, (place, _)| all | 1 << place),
            is_mysql: false,
        }
    }

    /// What is done to texts in bodies.
    pub(crate) fn of_bodies(&self) -> Plan {
        Plan {
            url: self.urls.is_some(),
            databases: ((1u16 << self.databases.len()) - 1) as u8,
            is_mysql: false,
        }
    }

    /// The database that a system means.
    pub(crate) fn system(&self, system: &str) -> System {
        let system = system.to_lowercase();
        let means = |sanitizer: &Sanitizer| sanitizer.systems.contains(&system.as_str());
        let place = self.databases.iter().position(means);
        System {
            databases: place.map_or(0, |place| 1 << place),
            is_mysql: system == "mysql",
        }
    }

    /// A text, sanitized.
    pub(crate) fn apply<'a>(&self, plan: Plan, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        if let (true, Some(words)) = (plan.url, &self.urls) {
            text = Cow::Owned(url::clustered(&text, words));
        }
        for (place, database) in self.databases.iter().enumerate() {
            if plan.databases & 1 << place != 0 {
                text = Cow::Owned(match database.language {
                    Language::Sql => sql::without_values(&text, plan.is_mysql),
                    Language::Redis => redis::without_redis_values(&text),
                    Language::Memcached => redis::without_memcached_value(&text).to_owned(),
                    Language::Json => match json::without_values(&text) {
                        Some(text) => text,
                        None => continue,
                    },
                });
            }
        }
        text
    }

    /// The name of a span with the path in it sanitized; `None` if it stays.
    pub(crate) fn url_name(&self, name: &str) -> Option<String> {
        let new = url::clustered(name, self.urls.as_ref()?);
        (new != name && !url::is_only_stars(&new)).then_some(new)
    }

    /// The name of a span that is about a database; `None` if it stays.
    pub(crate) fn database_name(&self, name: &str, system: System) -> Option<String> {
        let plan = Plan {
            url: false,
            ..self.of_bodies().within(system)
        };
        let new = self.apply(plan, name);
        (new != name).then(|| new.into_owned())
    }
}
