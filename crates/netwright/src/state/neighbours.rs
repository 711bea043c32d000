//! Neighbours that the kernel has learned meanwhile.

use netwright_route::{Neighbour, Replace};
use netwright_state::is_set;

use super::Live;
use crate::{Error, Result};

impl Live<'_> {
    /// Takes the place of an entry that the kernel has found by asking; one that somebody has set is not written over.
    pub(super) fn set_learned(&mut self, neighbour: &Neighbour, refusal: Error) -> Result<()> {
        let link = self.resolve(neighbour.link)?;
        let there = self.net.neighbours().list()?;
        let mut same = there
            .iter()
            .filter(|found| found.link.index == link.index && found.destination == neighbour.destination);
        if same.any(is_set) {
            return Err(refusal);
        }
        let neighbour = Neighbour { link, ..neighbour.clone() };
        self.with_connection(|connection| connection.acknowledge(&Replace(&neighbour)))
    }
}
