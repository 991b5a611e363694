"""The session of an event, whether either is reported or derived: it begins or ends with that event."""

# As a value in a statement with :device_id and :at; of a session that began then rather than of one that
# ended then, and of two that ended then, of the earlier one.
LINK = (
    "coalesce((SELECT s.id FROM device_session s WHERE s.device_id = :device_id AND s.connected_at = :at"
    " AND s.conn_type = event.type), (SELECT s.id FROM device_session s WHERE s.device_id = :device_id"
    " AND s.begin_at <= :at AND s.begin_at >= coalesce((SELECT max(b.begin_at) FROM device_session b"
    " WHERE b.device_id = :device_id AND b.begin_at < :at), :at)"
    " AND s.disconnected_at = :at AND s.disc_type = event.type ORDER BY s.begin_at LIMIT 1))"
)
