//! Elements of sets and maps.

mod stored;

use netwright_wire::{Attributes, Big, ByteOrder, Malformed, Value, Writer};

use crate::expression::Carried;
use crate::set::join;
use crate::{Data, Expression, Userdata};

pub use stored::StoredElements;

netwright_wire::open_flags! {
    /// Flags of an element (`enum nft_set_elem_flags`).
    pub struct ElementFlags(u32) {
        /// It is the first key behind a range.
        INTERVAL_END = 1,
        /// It stands for all keys that are not there.
        CATCH_ALL = 2,
    }
}

netwright_wire::attrs! {
    /// An element (`enum nft_set_elem_attributes`).
    pub struct Element, ElementView: Big {
        NFTA_SET_ELEM_FLAGS = 3 => flags: ElementFlags,
        /// How long it stays in all, in milliseconds.
        NFTA_SET_ELEM_TIMEOUT = 4 => timeout: u64,
        /// How long it stays from now, in milliseconds.
        NFTA_SET_ELEM_EXPIRATION = 5 => expiration: u64,
        /// Its key; a catch-all element has none.
        NFTA_SET_ELEM_KEY = 1 => key: Data,
        /// The last key of a range, in sets with several parts.
        NFTA_SET_ELEM_KEY_END = 10 => key_end: Data,
        /// What a map leads to.
        NFTA_SET_ELEM_DATA = 2 => data: Data,
        /// The object that a map leads to.
        NFTA_SET_ELEM_OBJREF = 9 => object: String,
        NFTA_SET_ELEM_USERDATA = 6 => userdata: Userdata,
        /// What it carries, where that is one expression.
        NFTA_SET_ELEM_EXPR = 7 => expression: Box<Expression>,
        /// What it carries, where that is several.
        NFTA_SET_ELEM_EXPRESSIONS = 11 => carried: Carried,
    }

    /// Elements of a set (`enum nft_set_elem_list_attributes`).
    pub struct ElementListAttrs, ElementListView: Big {
        NFTA_SET_ELEM_LIST_TABLE = 1 => table: String,
        NFTA_SET_ELEM_LIST_SET = 2 => set: String,
        /// Number of a set made in the same batch.
        NFTA_SET_ELEM_LIST_SET_ID = 4 => set_id: u32,
        NFTA_SET_ELEM_LIST_ELEMENTS = 3 => elements: Elements,
    }
}

/// Sets have many of them.
const _: () = assert!(size_of::<Element>() <= 256);

impl Element {
    /// An element with this key.
    #[must_use]
    pub fn new(key: impl Into<Data>) -> Self {
        Element { key: Some(key.into()), ..Default::default() }
    }

    /// An element of a map.
    #[must_use]
    pub fn mapping(key: impl Into<Data>, data: impl Into<Data>) -> Self {
        Element { data: Some(data.into()), ..Element::new(key) }
    }

    /// The bytes of its key; `None` for a catch-all.
    #[must_use]
    pub fn key_bytes(&self) -> Option<&[u8]> {
        match self.key.as_ref()? {
            Data::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn has(&self, flag: ElementFlags) -> bool {
        self.flags.is_some_and(|flags| flags.contains(flag))
    }

    /// What it carries.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.expression.as_deref().into_iter().chain(self.carried.iter().flat_map(|carried| &carried.0))
    }

    /// Takes out what it carries.
    pub fn take_expressions(&mut self) -> Vec<Expression> {
        join(self.expression.take().map(|one| *one), self.carried.take())
    }

    /// Sets what it carries.
    pub fn set_expressions(&mut self, expressions: &[Expression]) {
        let (one, several) = crate::set::split(expressions);
        (self.expression, self.carried) = (one.map(Box::new), several);
    }
}

impl<'a> ElementView<'a> {
    /// The bytes of the key in place.
    pub fn key_bytes(&self) -> Result<Option<&'a [u8]>, Malformed> {
        self.key()?.map_or(Ok(None), Data::value_in)
    }

    /// The bytes of the data in place; `None` where there are none or it is a verdict.
    pub fn data_bytes(&self) -> Result<Option<&'a [u8]>, Malformed> {
        self.data()?.map_or(Ok(None), Data::value_in)
    }
}

/// A list of elements. Their attributes are numbered from 1; the numbers mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements(pub Vec<Element>);

/// A walk over elements in place.
#[derive(Clone, Debug)]
pub struct ElementViews<'a>(Attributes<'a>);

impl<'a> ElementViews<'a> {
    /// No element.
    #[must_use]
    pub fn none() -> Self {
        ElementViews(Attributes::new(&[]))
    }
}

impl<'a> Iterator for ElementViews<'a> {
    type Item = Result<ElementView<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|attribute| ElementView::new(attribute.payload)))
    }
}

impl Value for Elements {
    type View<'a> = ElementViews<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<ElementViews<'_>, Malformed> {
        Ok(ElementViews(Attributes::new(payload)))
    }

    fn own(view: ElementViews<'_>) -> Result<Self, Malformed> {
        view.map(|element| Element::own(element?)).collect::<Result<_, _>>().map(Elements)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for (element, number) in self.0.iter().zip((1..=NUMBERS).cycle()) {
            writer.attribute::<Big, Element>(number, element);
        }
    }
}

/// The highest number that fits into an attribute's type.
pub(crate) const NUMBERS: u16 = 0x3fff;
