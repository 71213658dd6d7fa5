//! Which member a key belongs to: a consistent hash ring. A member that comes or goes moves about one key in `n`.
//!
//! The ring is that of the Collector's `load_balancing` exporter, position by position, so that a fleet may mix both.

use std::collections::HashSet;

/// Positions in the ring.
const POSITIONS: u32 = 131_071;

/// How often each member stands in the ring.
const POINTS: u32 = 200;

/// How many positions after an occupied one are tried.
const PROBES: usize = 10;

/// A ring of members, which are known by their place in the list that it was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ring {
    /// Positions, increasing, and whose each is.
    points: Vec<(u32, usize)>,
}

impl Ring {
    /// The ring of these members. No two of them are the same.
    pub fn new(members: &[&str]) -> Self {
        let mut candidates: Vec<(u32, u32, &str, usize)> = Vec::new();
        for (number, member) in members.iter().enumerate() {
            for point in 0..POINTS {
                let mut hash = crc32fast::Hasher::new();
                hash.update(member.as_bytes());
                hash.update(&point.to_le_bytes());
                let hash = hash.finalize();
                candidates.push((hash % POSITIONS, hash, member, number));
            }
        }
        candidates.sort_unstable();
        let mut taken = HashSet::with_capacity(candidates.len());
        let mut points = Vec::with_capacity(candidates.len());
        for (position, _, _, number) in candidates {
            let mut free = (0..PROBES).map(|step| (position + step as u32) % POSITIONS);
            if let Some(position) = free.find(|position| !taken.contains(position)) {
                taken.insert(position);
                points.push((position, number));
            }
        }
        points.sort_unstable();
        Ring { points }
    }

    /// Whose a key is: the place in the list of members. `None` if there are no members.
    pub fn member_of(&self, key: &[u8]) -> Option<usize> {
        let position = crc32fast::hash(key) % POSITIONS;
        let next = self.points.partition_point(|&(at, _)| at < position);
        let point = self.points.get(next).or_else(|| self.points.first());
        point.map(|&(_, member)| member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(members: &[&str]) -> Vec<String> {
        let ring = Ring::new(members);
        let keys =
            (0..10_000u128).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060));
        keys.map(|key| members[ring.member_of(&key.to_be_bytes()).unwrap()].to_owned())
            .collect()
    }

    #[test]
    fn a_member_that_goes_moves_its_own_keys_and_no_others() {
        let all = owners(&["a:4317", "b:4317", "c:4317", "d:4317"]);
        let fewer = owners(&["a:4317", "b:4317", "d:4317"]);
        for (before, after) in all.iter().zip(&fewer) {
            assert!(before == after || before == "c:4317");
        }
        for member in ["a:4317", "b:4317", "c:4317", "d:4317"] {
            let share = all.iter().filter(|owner| *owner == member).count();
            assert!((1_500..3_700).contains(&share), "{member}: {share}");
        }
    }

    /// Recorded from the Collector's own ring, version 0.158.0.
    #[test]
    fn keys_belong_to_the_members_that_the_collector_gives_them() {
        let members = [
            "10.0.0.1:4317",
            "10.0.0.2:4317",
            "[::1]:4317",
            "gateway-3",
            "gateway-4:4317",
        ];
        let ring = Ring::new(&members);
        let owners: String = (0..100_000u64)
            .map(|number| {
                let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
                let low = number.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes();
                let owner = ring.member_of(&[high, low].concat()).unwrap();
                char::from(b'0' + owner as u8)
            })
            .collect();
        assert_eq!(
            &owners[..120],
            "002242112001024244200134021424343033212321431313223111200432220224123042024323313210321312024422311313432300323412444423"
        );
        assert_eq!(crc32fast::hash(owners.as_bytes()), 690_128_655);
        for (key, owner) in [
            ("shop", 3),
            ("service.name=shop|", 3),
            ("", 4),
            ("otelcol", 2),
        ] {
            assert_eq!(ring.member_of(key.as_bytes()), Some(owner), "{key}");
        }
    }

    #[test]
    fn no_member_owns_nothing() {
        assert_eq!(Ring::new(&[]).member_of(b"key"), None);
    }
}
