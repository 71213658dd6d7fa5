//! Every connection of the process's listeners: bounded in all, so that a flood on one port leaves the others served, and
//! with idle connections making room for new ones.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use spanmill_faults::episode::{Episode, Log};

/// Connections at once, if there are file descriptors for so many.
const MOST: usize = 4096;
/// From this share of the connections on, idle ones are closed for new ones.
const HIGH: (usize, usize) = (7, 8);

/// The connections of some listeners.
pub struct ConnectionTable {
    connections: Mutex<Connections>,
    most: usize,
    /// While connections are refused.
    full: Episode,
}

#[derive(Default)]
struct Connections {
    by_number: BTreeMap<u64, Arc<Connection>>,
    by_address: HashMap<IpAddr, usize>,
    next: u64,
}

/// What is known of one connection.
pub struct Connection {
    address: IpAddr,
    opened: Instant,
    /// Requests under way, their answers included.
    active: AtomicUsize,
    /// Requests that were ever made.
    requests: AtomicU64,
    /// When it last had something to do, in ms since it was opened.
    last_active: AtomicU64,
    /// Since when it does not take what is written to it, in ms since it was opened, plus one; 0: it does.
    blocked_since: AtomicU64,
    /// Another connection needs its place.
    pub end: CancellationToken,
}

/// A connection's place in the table, as long as it is held.
pub struct Place {
    table: Arc<ConnectionTable>,
    number: u64,
    pub connection: Arc<Connection>,
}

/// A request that is under way, as long as it is held.
pub struct Active(Arc<Connection>);

impl ConnectionTable {
    /// The one that all listeners of this process share.
    pub fn of_process() -> Arc<Self> {
        static TABLE: OnceLock<Arc<ConnectionTable>> = OnceLock::new();
        Arc::clone(TABLE.get_or_init(|| {
            // The other half is for backends, files and the admin API.
            let files = raise_file_limit().map_or(MOST, |files| files / 2);
            Arc::new(Self::new(files.clamp(8, MOST)))
        }))
    }

    fn new(most: usize) -> Self {
        ConnectionTable {
            connections: Mutex::default(),
            most,
            full: Episode::default(),
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection. When few are left, the connection that has been idle longest is told to end, one of
    /// the address with the most connections first. `None` if all are taken.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut connections = self.connections();
        let count = connections.by_number.len();
        let mut is_evicting = false;
        if count >= self.most / HIGH.1 * HIGH.0
            && let Some(idle) = connections.to_evict()
        {
            idle.end.cancel();
            is_evicting = true;
        }
        // One that is told to end leaves in a moment: there may be a few too many until then.
        let most = match is_evicting {
            true => self.most.saturating_add(self.most / HIGH.1),
            false => self.most,
        };
        if count >= most {
            drop(connections);
            match self.full.meet(1) {
                Log::Begin => {
                    tracing::warn!(
                        connections = count,
                        "all connections are in use: closing new ones"
                    );
                }
                Log::StillOn(tally) => {
                    tracing::warn!(
                        connections = count,
                        closed = tally.times,
                        "all connections have been in use for {:.0?}",
                        tally.lasted
                    );
                }
                Log::Nothing => {}
            }
            return None;
        }
        let number = connections.next;
        connections.next = number.wrapping_add(1);
        let connection = Arc::new(Connection {
            address,
            opened: Instant::now(),
            active: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            last_active: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            end: CancellationToken::new(),
        });
        connections
            .by_number
            .insert(number, Arc::clone(&connection));
        *connections.by_address.entry(address).or_default() += 1;
        drop(connections);
        if count < self.most / 2
            && let Some(tally) = self.full.end()
        {
            tracing::info!(
                closed = tally.times,
                "there is room for connections again, after {:.1?}",
                tally.lasted
            );
        }
        Some(Place {
            table: Arc::clone(self),
            number,
            connection,
        })
    }
}

impl Connections {
    fn to_evict(&self) -> Option<&Arc<Connection>> {
        let idle = self.by_number.values().filter(|connection| {
            connection.active.load(Relaxed) == 0 && !connection.end.is_cancelled()
        });
        let of_address = |connection: &Connection| {
            let count = self.by_address.get(&connection.address);
            count.copied().unwrap_or_default()
        };
        idle.max_by_key(|connection| (of_address(connection), connection.idle_for()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.table.connections();
        connections.by_number.remove(&self.number);
        let address = self.connection.address;
        if let Some(count) = connections.by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                connections.by_address.remove(&address);
            }
        }
    }
}

impl Connection {
    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How old it is.
    pub fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Whether a request is under way.
    pub fn is_active(&self) -> bool {
        self.active.load(Relaxed) > 0
    }

    /// Whether there has been a request.
    pub fn has_been_used(&self) -> bool {
        self.requests.load(Relaxed) > 0
    }

    /// How long it has had nothing to do; zero while it has.
    pub fn idle_for(&self) -> Duration {
        if self.is_active() {
            return Duration::ZERO;
        }
        Duration::from_millis(self.now().saturating_sub(self.last_active.load(Relaxed)))
    }

    /// How long it has not taken what is written to it.
    pub fn blocked_for(&self) -> Duration {
        match self.blocked_since.load(Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(self.now().saturating_sub(since - 1)),
        }
    }

    /// Notes whether it takes what is written to it.
    pub fn writes(&self, is_blocked: bool) {
        if !is_blocked {
            self.blocked_since.store(0, Relaxed);
        } else if self.blocked_since.load(Relaxed) == 0 {
            self.blocked_since
                .store(self.now().saturating_add(1), Relaxed);
        }
    }

    /// A request begins.
    pub fn begin(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        Active(Arc::clone(self))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.last_active.store(self.0.now(), Relaxed);
        self.0.active.fetch_sub(1, Relaxed);
    }
}

/// Raises the number of files that the process may open to what the system allows, as Go's runtime does; returns it.
/// `None` if there is no limit.
fn raise_file_limit() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    now.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    #[tokio::test(start_paused = true)]
    async fn idle_connections_of_whoever_has_most_make_room() {
        let table = Arc::new(ConnectionTable::new(8));
        let quiet = table.admit(OTHER).unwrap();
        let busy = table.admit(ONE).unwrap();
        let request = busy.connection.begin();
        let mut places: Vec<Place> = Vec::new();
        for _ in 0..5 {
            tokio::time::advance(Duration::from_secs(1)).await;
            places.push(table.admit(ONE).unwrap());
        }
        assert!(
            places
                .iter()
                .all(|place| !place.connection.end.is_cancelled())
        );
        // The eighth: seven of eight are taken.
        let last = table.admit(ONE).unwrap();
        assert!(
            places[0].connection.end.is_cancelled(),
            "the oldest idle one"
        );
        // All are taken, but another one leaves.
        let beyond = table.admit(ONE).unwrap();
        assert!(places[1].connection.end.is_cancelled());
        assert!(table.admit(ONE).is_none(), "there is a bound to that");
        assert!(!quiet.connection.end.is_cancelled());
        assert!(!busy.connection.end.is_cancelled());
        places.drain(..2);
        assert!(table.admit(OTHER).is_some());
        drop((request, last, beyond));
        assert!(busy.connection.has_been_used() && !busy.connection.is_active());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_connection_does_is_known() {
        let table = Arc::new(ConnectionTable::new(8));
        let place = table.admit(ONE).unwrap();
        let connection = &place.connection;
        let second = Duration::from_secs(1);
        tokio::time::advance(second).await;
        assert_eq!((connection.age(), connection.idle_for()), (second, second));
        let request = connection.begin();
        connection.writes(true);
        tokio::time::advance(second).await;
        connection.writes(true);
        assert_eq!(connection.blocked_for(), second);
        assert_eq!(connection.idle_for(), Duration::ZERO);
        connection.writes(false);
        assert_eq!(connection.blocked_for(), Duration::ZERO);
        drop(request);
        tokio::time::advance(second).await;
        assert_eq!(connection.idle_for(), second);
    }
}
