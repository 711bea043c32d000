//! Expressions: the instructions of rules, each with all its attributes.

mod compute;
mod load;
mod lookup;
mod stateful;
mod statement;

use netwright_wire::{Attributes, Big, ByteOrder, ListItem, Malformed, Text, Value, Writer};

pub use compute::{
    BitwiseAttrs, BitwiseOp, BitwiseView, ByteOrderAttrs, ByteOrderOp, ByteOrderView, CompareAttrs,
    CompareOp, CompareView, ImmediateAttrs, ImmediateView, RangeAttrs, RangeOp, RangeView,
};
pub use load::{
    ChecksumFlags, ChecksumKind, CtAttrs, CtDirection, CtKey, CtView, ExtensionHeaderAttrs,
    ExtensionHeaderFlags, ExtensionHeaderOp, ExtensionHeaderView, FibAttrs, FibFlags, FibResult, FibView,
    FingerprintAttrs, FingerprintFlags, FingerprintView, HashAttrs, HashKind, HashView, InnerAttrs,
    InnerFlags, InnerKind, InnerView, MetaAttrs, MetaKey, MetaView, NumberGeneratorAttrs,
    NumberGeneratorKind, NumberGeneratorView, PayloadAttrs, PayloadBase, PayloadView, RouteAttrs, RouteKey,
    RouteView, SocketAttrs, SocketKey, SocketView, TunnelAttrs, TunnelKey, TunnelMode, TunnelView, XfrmAttrs,
    XfrmDirection, XfrmKey, XfrmView,
};
pub use lookup::{
    DynamicSetAttrs, DynamicSetFlags, DynamicSetOp, DynamicSetView, LookupAttrs, LookupFlags, LookupView,
    ObjectKind, ObjectReferenceAttrs, ObjectReferenceView,
};
pub use stateful::{
    ConnectionLimitAttrs, ConnectionLimitFlags, ConnectionLimitView, CounterAttrs, CounterView, LastAttrs,
    LastView, LimitAttrs, LimitFlags, LimitKind, LimitView, QuotaAttrs, QuotaFlags, QuotaView,
};
pub use statement::{
    DuplicateAttrs, DuplicateView, FlowOffloadAttrs, FlowOffloadView, ForwardAttrs, ForwardView, LogAttrs,
    LogFlags, LogLevel, LogView, MasqueradeAttrs, MasqueradeView, MatchAttrs, MatchView, NatAttrs, NatFlags,
    NatKind, NatView, NoTrackAttrs, NoTrackView, QueueAttrs, QueueFlags, QueueView, RedirectAttrs,
    RedirectView, RejectAttrs, RejectKind, RejectView, SynProxyAttrs, SynProxyFlags, SynProxyView,
    TargetAttrs, TargetView, TransparentProxyAttrs, TransparentProxyView,
};

netwright_wire::kinds! {
    /// An expression (`enum nft_expr_attributes`): an instruction of a rule, or what an element or object carries.
    #[allow(clippy::large_enum_variant)]
    pub enum Expression {
        /// Puts bytes or a verdict into a register.
        "immediate" => Immediate(ImmediateAttrs),
        /// Goes on if a register compares so.
        "cmp" => Compare(CompareAttrs),
        /// Goes on if a register lies within, or without, a range.
        "range" => Range(RangeAttrs),
        /// Combines bits.
        "bitwise" => Bitwise(BitwiseAttrs),
        /// Swaps bytes.
        "byteorder" => ByteOrder(ByteOrderAttrs),
        /// Looks a register up in a set or map.
        "lookup" => Lookup(LookupAttrs),
        /// Adds to, updates or deletes from a set.
        "dynset" => DynamicSet(DynamicSetAttrs),
        /// Uses an object.
        "objref" => ObjectReference(ObjectReferenceAttrs),
        /// Loads bytes of the packet, or writes them.
        "payload" => Payload(PayloadAttrs),
        /// Loads or sets what the kernel knows about the packet.
        "meta" => Meta(MetaAttrs),
        /// Loads or sets what connection tracking knows.
        "ct" => Ct(CtAttrs),
        /// Loads what routing decided.
        "rt" => Route(RouteAttrs),
        /// Loads what is known of the packet's socket.
        "socket" => Socket(SocketAttrs),
        /// Loads the sender's operating system, by its fingerprint.
        "osf" => Fingerprint(FingerprintAttrs),
        /// Loads, writes or removes an option or extension header.
        "exthdr" => ExtensionHeader(ExtensionHeaderAttrs),
        /// Asks the routing table.
        "fib" => Fib(FibAttrs),
        /// Loads a hash.
        "hash" => Hash(HashAttrs),
        /// Loads a running or random number.
        "numgen" => NumberGenerator(NumberGeneratorAttrs),
        /// Loads what is known of the IPsec transformation.
        "xfrm" => Xfrm(XfrmAttrs),
        /// Loads metadata of a tunnel.
        "tunnel" => Tunnel(TunnelAttrs),
        /// Applies an expression to what a tunnel carries.
        "inner" => Inner(InnerAttrs),
        /// Goes on while, or unless, a rate is kept.
        "limit" => Limit(LimitAttrs),
        /// Counts.
        "counter" => Counter(CounterAttrs),
        /// Goes on until, or after, so many bytes.
        "quota" => Quota(QuotaAttrs),
        /// Goes on up to, or above, so many connections.
        "connlimit" => ConnectionLimit(ConnectionLimitAttrs),
        /// Remembers when it was last reached.
        "last" => Last(LastAttrs),
        /// Logs.
        "log" => Log(LogAttrs),
        /// Refuses with an answer.
        "reject" => Reject(RejectAttrs),
        /// Translates addresses.
        "nat" => Nat(NatAttrs),
        /// Translates the source to the address of the device.
        "masq" => Masquerade(MasqueradeAttrs),
        /// Translates the destination to this host.
        "redir" => Redirect(RedirectAttrs),
        /// Sends a copy.
        "dup" => Duplicate(DuplicateAttrs),
        /// Sends out at another device.
        "fwd" => Forward(ForwardAttrs),
        /// Hands to a process.
        "queue" => Queue(QueueAttrs),
        /// Hands to a local socket without changing the packet.
        "tproxy" => TransparentProxy(TransparentProxyAttrs),
        /// Answers connection requests before the server sees them.
        "synproxy" => SynProxy(SynProxyAttrs),
        /// Leaves the packet without connection tracking.
        "notrack" => NoTrack(NoTrackAttrs),
        /// Moves the connection to a flow table.
        "flow_offload" => FlowOffload(FlowOffloadAttrs),
        /// A match of xtables.
        "match" => Match(MatchAttrs),
        /// A target of xtables.
        "target" => Target(TargetAttrs),
    }
}

/// An expression in place: its name, and the attributes of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpressionView<'a> {
    /// The kernel's name.
    pub name: Text<'a>,
    /// The attributes of its data.
    pub data: &'a [u8],
}

const NAME: u16 = 1;
const DATA: u16 = 2;

impl Expression {
    /// Writes name and data. An expression that has no data by its nature is written without it, as the kernel does.
    fn write_parts(&self, writer: &mut Writer) {
        writer.attribute::<Big, Name<'_>>(NAME, &Name(self.name()));
        let bare = match self {
            Expression::NoTrack(attrs) => attrs.unknown.is_empty(),
            Expression::Unknown { data, .. } => data.is_empty(),
            _ => false,
        };
        if !bare {
            let mark = writer.begin_nest(DATA);
            match self {
                // The kernel tells of flags here and refuses them.
                Expression::ExtensionHeader(attrs) if attrs.source.is_some() => {
                    let flags = attrs.flags.filter(|flags| !flags.is_empty());
                    ExtensionHeaderAttrs { flags, ..attrs.clone() }.write_attributes(writer);
                }
                // The same with a timeout of none, where the set has no timeouts.
                Expression::DynamicSet(attrs) if attrs.timeout == Some(0) => {
                    DynamicSetAttrs { timeout: None, ..attrs.clone() }.write_attributes(writer);
                }
                _ => self.write_data(writer),
            }
            writer.end_nest(mark);
        }
    }
}

/// A text with its NUL, written without a `String` of its own.
struct Name<'a>(&'a str);

impl Value for Name<'_> {
    type View<'a> = ();

    fn view<O: ByteOrder>(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    fn own((): ()) -> Result<Self, Malformed> {
        Ok(Name(""))
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push_text(self.0);
        writer.push(&[0]);
    }
}

impl Value for Expression {
    type View<'a> = ExpressionView<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<ExpressionView<'_>, Malformed> {
        let (mut name, mut data) = (None, &[][..]);
        for attribute in Attributes::new(payload) {
            let attribute = attribute?;
            match attribute.kind {
                NAME => name = Some(attribute.big::<String>()?),
                DATA => data = attribute.payload,
                _ => {}
            }
        }
        let name = name.ok_or(Malformed::new("the name of an expression", 1, 0))?;
        Ok(ExpressionView { name, data })
    }

    fn own(view: ExpressionView<'_>) -> Result<Self, Malformed> {
        Expression::read(view.name, view.data)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        self.write_parts(writer);
    }
}

/// The elements of a list of expressions (`NFTA_LIST_ELEM`).
impl ListItem for Expression {
    const KIND: u16 = 1;
}

/// Names of expressions that carry expressions.
const CARRIERS: [&str; 2] = ["dynset", "inner"];

/// Reads an expression within another. The kernel nests them one level deep, so a deeper one is kept unread: reading
/// takes no more of the stack than that, whatever is received.
fn read_carried(view: ExpressionView<'_>) -> Result<Expression, Malformed> {
    match view.name.as_str() {
        Some(name) if CARRIERS.contains(&name) => {
            Ok(Expression::Unknown { name: name.to_owned(), data: view.data.to_vec() })
        }
        _ => Expression::read(view.name, view.data),
    }
}

/// An expression within another.
impl Value for Box<Expression> {
    type View<'a> = ExpressionView<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<ExpressionView<'_>, Malformed> {
        Expression::view::<O>(payload)
    }

    fn own(view: ExpressionView<'_>) -> Result<Self, Malformed> {
        read_carried(view).map(Box::new)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        self.write_parts(writer);
    }
}

/// Expressions within another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried(pub Vec<Expression>);

impl Value for Carried {
    type View<'a> = Attributes<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Attributes<'_>, Malformed> {
        Ok(Attributes::new(payload))
    }

    fn own(view: Attributes<'_>) -> Result<Self, Malformed> {
        view.map(|attribute| read_carried(attribute?.big::<Expression>()?))
            .collect::<Result<_, _>>()
            .map(Carried)
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for expression in &self.0 {
            writer.attribute::<Big, Expression>(Expression::KIND, expression);
        }
    }
}

#[cfg(test)]
mod tests;
