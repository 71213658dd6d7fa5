//! The members that the resolver has found, with the exporter of each.

use std::sync::Arc;

use super::member::Member;
use super::ring::Ring;
use crate::export::Exporter;

/// A member with its exporter.
#[derive(Clone)]
pub(super) struct MemberExporter {
    /// Host and port, or host alone, as the resolver found it: what the ring knows it by.
    pub name: String,
    pub member: Arc<Member>,
    pub exporter: Exporter,
}

/// The members of one answer of the resolver.
#[derive(Default)]
pub(super) struct Members {
    ring: Ring,
    all: Vec<MemberExporter>,
}

impl Members {
    /// These members, no two of which have the same name.
    pub fn new(mut all: Vec<MemberExporter>) -> Self {
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let names: Vec<&str> = all.iter().map(|member| member.name.as_str()).collect();
        let ring = Ring::new(&names);
        Members { ring, all }
    }

    /// Where keys belong: numbers of [`Members::as_slice`].
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    pub fn as_slice(&self) -> &[MemberExporter] {
        &self.all
    }

    /// The one with this name.
    pub fn get(&self, name: &str) -> Option<&MemberExporter> {
        self.all.iter().find(|member| member.name == name)
    }

    /// All but the one with this name.
    pub fn without(&self, name: &str) -> Self {
        let others = self.all.iter().filter(|member| member.name != name);
        Members::new(others.cloned().collect())
    }
}
