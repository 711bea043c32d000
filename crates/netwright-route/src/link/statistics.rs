//! Counters of a link.

netwright_wire::header! {
    /// Counters of a link since it was made (`struct rtnl_link_stats64`, where each is explained at length).
    pub struct Statistics: Native {
        received_packets: u64,
        sent_packets: u64,
        received_bytes: u64,
        sent_bytes: u64,
        /// Bad packets received.
        receive_errors: u64,
        /// Packets that could not be sent.
        send_errors: u64,
        /// Good packets received and then dropped.
        receive_dropped: u64,
        /// Packets dropped on their way out.
        send_dropped: u64,
        /// Multicast packets received.
        multicast: u64,
        collisions: u64,
        receive_length_errors: u64,
        receive_overruns: u64,
        receive_checksum_errors: u64,
        receive_frame_errors: u64,
        receive_queue_errors: u64,
        /// Packets that found no buffer.
        receive_missed: u64,
        send_aborted: u64,
        send_carrier_errors: u64,
        send_queue_errors: u64,
        send_heartbeat_errors: u64,
        send_window_errors: u64,
        received_compressed: u64,
        sent_compressed: u64,
        /// Packets that nobody was there to take.
        receive_without_handler: u64,
        /// Packets for another hardware address.
        receive_other_host: u64,
    }
}
