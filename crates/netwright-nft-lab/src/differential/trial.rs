//! What is tried.

/// A text, and the world that it is tried in.
///
/// In all texts `{T}` stands for family and name of the table, `{F}` and `{N}` for one of them, and `{C}` for the name of the trial's own chain, where it has one: then
/// trials of the same world share a table, and what is in the chain is compared. Without one, the table is the trial's alone.
#[derive(Clone, Debug)]
pub struct Trial {
    /// How it was made, for the table of the report.
    pub kind: &'static str,
    /// Family of the table, as it is written.
    pub family: String,
    /// Commands that both must take, but for the chain.
    pub world: String,
    /// What stands in the braces of the trial's own chain.
    pub chain: Option<String>,
    /// The text under test.
    pub text: String,
}

/// Where a table's family and name go.
const TABLE: &str = "{T}";

/// Where the family alone goes.
const FAMILY: &str = "{F}";

/// Where the table's name alone goes.
const NAME: &str = "{N}";

/// Where a chain's name goes.
const CHAIN: &str = "{C}";

/// Where a trial takes place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the table.
    pub table: String,
    /// Name of the chain.
    pub chain: Option<String>,
}

impl Place {
    /// What the part of a listing about it is found by.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.chain {
            Some(chain) => format!("{}/{chain}", self.table),
            None => self.table.clone(),
        }
    }
}

impl Trial {
    /// What trials that share a table have in common.
    #[must_use]
    pub fn company(&self) -> Option<(&str, &str)> {
        self.chain.is_some().then_some((&self.family, &self.world))
    }

    /// The commands that make its table and what is in it.
    #[must_use]
    pub fn table_at(&self, place: &Place) -> String {
        format!("{}\n", self.at(&self.world, place))
    }

    /// The command that makes its chain.
    #[must_use]
    pub fn chain_at(&self, place: &Place) -> String {
        match &self.chain {
            Some(content) if content.is_empty() => self.at(&format!("add chain {TABLE} {CHAIN}\n"), place),
            Some(content) => self.at(&format!("add chain {TABLE} {CHAIN} {{ {content} }}\n"), place),
            None => String::new(),
        }
    }

    /// The text under test.
    #[must_use]
    pub fn text_at(&self, place: &Place) -> String {
        format!("{}\n", self.at(&self.text, place))
    }

    fn at(&self, text: &str, place: &Place) -> String {
        let text = text.replace(TABLE, &format!("{} {}", self.family, place.table));
        let text = text.replace(FAMILY, &self.family).replace(NAME, &place.table);
        match &place.chain {
            Some(chain) => text.replace(CHAIN, chain),
            None => text,
        }
    }
}

/// Trials as they are tried together: not too many tables, as every program reads all of them before each change.
#[must_use]
pub fn batches(trials: Vec<Trial>) -> Vec<Vec<Trial>> {
    const CHAINS: usize = 400;
    const TABLES: usize = 12;
    let mut shared: Vec<(String, String, Vec<Trial>)> = Vec::new();
    let mut alone = Vec::new();
    let mut index = std::collections::HashMap::new();
    for trial in trials {
        match trial.company() {
            None => alone.push(trial),
            Some((family, world)) => {
                let key = (family.to_owned(), world.to_owned());
                let at = *index.entry(key.clone()).or_insert_with(|| {
                    shared.push((key.0, key.1, Vec::new()));
                    shared.len() - 1
                });
                shared[at].2.push(trial);
            }
        }
    }
    let mut batches: Vec<Vec<Trial>> = Vec::new();
    // Small companies go together.
    let mut open: (usize, Vec<Trial>) = (0, Vec::new());
    for (_, _, company) in shared {
        for chunk in company.chunks(CHAINS) {
            if chunk.len() >= CHAINS / 4 {
                batches.push(chunk.to_vec());
                continue;
            }
            if open.0 == TABLES || open.1.len() + chunk.len() > CHAINS {
                batches.push(std::mem::take(&mut open.1));
                open.0 = 0;
            }
            open.0 += 1;
            open.1.extend_from_slice(chunk);
        }
    }
    batches.push(open.1);
    batches.extend(alone.chunks(TABLES).map(<[Trial]>::to_vec));
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// Where the trials of a batch take place.
pub(super) fn places(batch: &[Trial]) -> Vec<Place> {
    let mut companies: Vec<(&str, &str)> = Vec::new();
    let mut places = Vec::new();
    for (number, trial) in batch.iter().enumerate() {
        places.push(match trial.company() {
            None => Place { table: format!("x{number}"), chain: None },
            Some(company) => {
                let at = companies.iter().position(|known| *known == company).unwrap_or_else(|| {
                    companies.push(company);
                    companies.len() - 1
                });
                Place { table: format!("y{at}"), chain: Some(format!("c{number}")) }
            }
        });
    }
    places
}
