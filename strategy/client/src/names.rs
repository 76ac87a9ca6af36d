//! ClOrdIDs of a strategy: `S`, its session, its connection, a counter, in base 32. Twenty
//! characters that no other connection of the day has used.

use touchline_types::{ClOrdId, strategy_prefix, write_base32};

/// Where the counter begins.
const COUNTER: usize = 13;

/// The names of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    prefix: [u8; COUNTER],
}

impl Names {
    /// `epoch` is the number of the connection; its lowest 45 bits are used.
    pub(crate) fn new(session_id: u32, epoch: u64) -> Self {
        let mut prefix = [0; COUNTER];
        prefix[..4].copy_from_slice(&strategy_prefix(session_id));
        write_base32(epoch, &mut prefix, 4);
        Self { prefix }
    }

    /// True for a name of this connection.
    pub(crate) fn is_ours(&self, name: &ClOrdId) -> bool {
        name.starts_with(&self.prefix)
    }

    /// The name with a number, of which the lowest 35 bits are used.
    #[inline]
    pub(crate) fn name(&self, counter: u64) -> ClOrdId {
        let mut name = [0; 20];
        name[..COUNTER].copy_from_slice(&self.prefix);
        write_base32(counter, &mut name, COUNTER);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use std::collections::HashSet;
    use touchline_types::is_cl_ord_id;

    #[test]
    fn every_number_of_every_connection_has_a_name_of_its_own() {
        let mut seen = HashSet::new();
        for (session_id, epoch) in [(5, 1_764_000_000_123), (5, 1_764_000_000_124), (6, 0)] {
            for counter in [0, 1, 31, 32, 1 << 20, (1 << 35) - 1] {
                let name = Names::new(session_id, epoch).name(counter);
                assert!(is_cl_ord_id(&name));
                assert!(seen.insert(name));
            }
        }
    }
}
