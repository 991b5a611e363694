"""What a partitioned `device_session` no longer forbids by an index, and does by triggers.

PostgreSQL 15 makes a table unique only by columns of which the partition key is one, excludes nothing across
partitions, and refers to unique keys alone. So triggers of the database look instead, whoever writes.
"""

# At commit, as the constraint that it stands for. Whoever else changes sessions of the device waits at its
# row, and then sees what this one has committed. Of sessions that last, those next to it tell, for these do
# not overlap each other; of all, no other one begins with it.
SESSIONS = """
CREATE OR REPLACE FUNCTION device_session_alone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE mine record;
BEGIN
  PERFORM FROM device WHERE id = NEW.device_id FOR NO KEY UPDATE;
  SELECT * INTO mine FROM device_session
    WHERE id = NEW.id AND coalesce(connected_at, disconnected_at) = NEW.begin_at;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF EXISTS (SELECT FROM device_session
      WHERE device_id = mine.device_id AND id <> mine.id AND connected_at = mine.connected_at
      AND coalesce(connected_at, disconnected_at) = mine.connected_at)
    OR mine.still_connected AND EXISTS (SELECT FROM device_session
      WHERE device_id = mine.device_id AND id <> mine.id AND still_connected)
    OR mine.end_at IS DISTINCT FROM mine.begin_at AND (
      mine.begin_at < (SELECT coalesce(end_at, 9223372036854775807) FROM device_session
        WHERE device_id = mine.device_id AND id <> mine.id AND end_at IS DISTINCT FROM begin_at
        AND begin_at <= mine.begin_at AND coalesce(connected_at, disconnected_at) <= mine.begin_at
        ORDER BY begin_at DESC LIMIT 1)
      OR coalesce(mine.end_at, 9223372036854775807) > (SELECT begin_at FROM device_session
        WHERE device_id = mine.device_id AND id <> mine.id AND end_at IS DISTINCT FROM begin_at
        AND begin_at >= mine.begin_at AND coalesce(connected_at, disconnected_at) >= mine.begin_at
        ORDER BY begin_at LIMIT 1))
  THEN
    RAISE EXCEPTION 'session % of device % overlaps another one', mine.id, mine.device_id
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'device_session_alone';
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS device_session_alone ON device_session;
CREATE CONSTRAINT TRIGGER device_session_alone
  AFTER INSERT OR UPDATE OF device_id, connected_at, disconnected_at, still_connected ON device_session
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION device_session_alone();
"""
# In place of the reference event.session_id: a session that goes into another month's partition is deleted
# and inserted by that, and is there all the time.
LINKS = """
CREATE OR REPLACE FUNCTION event_loses_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM device_session WHERE id = OLD.id) THEN
    UPDATE event SET session_id = NULL WHERE session_id = OLD.id;
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS event_loses_session ON device_session;
CREATE TRIGGER event_loses_session AFTER DELETE ON device_session
  FOR EACH ROW EXECUTE FUNCTION event_loses_session();
CREATE OR REPLACE FUNCTION event_has_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM device_session WHERE id = NEW.session_id
    AND coalesce(connected_at, disconnected_at) = NEW.at FOR KEY SHARE;
  IF NOT FOUND THEN
    PERFORM FROM device_session WHERE id = NEW.session_id FOR KEY SHARE;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event % refers to session %, which is not there', NEW.id, NEW.session_id
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'event_has_session';
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS event_has_session ON event;
CREATE TRIGGER event_has_session AFTER INSERT OR UPDATE OF session_id ON event
  FOR EACH ROW WHEN (NEW.session_id IS NOT NULL) EXECUTE FUNCTION event_has_session();
"""
