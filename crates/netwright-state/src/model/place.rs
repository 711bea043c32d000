use netwright_nft::diagnostic::Span;

/// Where something of the model stands in the host file, with the places of its keys.
///
/// Two places are always equal, so that equal models compare equal wherever they were written. A model made by a
/// program has the default place.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The thing as a whole: usually its name or its table's header.
    pub span: Span,
    keys: Vec<KeyPlace>,
    /// Something in it could not be read, so that what seems to be missing may be there.
    broken: bool,
}

#[derive(Clone, Debug)]
struct KeyPlace {
    key: &'static str,
    value: Span,
    items: Vec<Span>,
}

impl Place {
    /// A place without keys.
    #[must_use]
    pub fn at(span: Span) -> Self {
        Place { span, ..Place::default() }
    }

    /// The value of a key, where the file sets it to something that could be read.
    #[must_use]
    pub fn key(&self, key: &str) -> Option<Span> {
        self.find(key).map(|found| found.value)
    }

    /// One item of a key whose value is an array, as counted in the model.
    #[must_use]
    pub fn item(&self, key: &str, index: usize) -> Option<Span> {
        self.find(key).and_then(|found| found.items.get(index)).copied()
    }

    /// Takes the places of keys that another place knows and this does not.
    pub(crate) fn take_keys(&mut self, other: &Place) {
        let new =
            other.keys.iter().filter(|other| self.find(other.key).is_none()).cloned().collect::<Vec<_>>();
        self.keys.extend(new);
    }

    fn find(&self, key: &str) -> Option<&KeyPlace> {
        self.keys.iter().find(|found| found.key == key)
    }

    /// Whether all that the file says there could be read.
    pub(crate) fn is_whole(&self) -> bool {
        !self.broken
    }

    pub(crate) fn set_broken(&mut self) {
        self.broken = true;
    }

    pub(crate) fn record(&mut self, key: &'static str, value: Span, items: Vec<Span>) {
        self.keys.push(KeyPlace { key, value, items });
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Place) -> bool {
        true
    }
}

impl Eq for Place {}
