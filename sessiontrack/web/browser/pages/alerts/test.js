// A test of a webhook: sent, and watched until it is known what came of it.
import { getList, send } from "../../client.js";
import { toast } from "../../elements/toast.js";
import { t } from "#i18n";

const LOOK_MS = 500;
const MOST_LOOKS = 40;
const LATEST = 100;

/** Send a test and say what came of it. */
export async function testHook({ id, name }) {
  try {
    const { delivery } = await send("POST", `/webhooks/${id}/test`);
    for (let look = 0; look < MOST_LOOKS; look += 1) {
      await new Promise((done) => setTimeout(done, LOOK_MS));
      const { data } = await getList(`/webhooks/${id}/deliveries`, { params: { limit: LATEST } });
      const found = data.find((each) => each.id === delivery);
      if (found?.state === "delivered") return toast(t("alerts.test.done", { name, status: found.status }));
      if (found?.error) return toast(t("alerts.test.failed", { name, error: found.error.replace(/\.$/, "") }), "error");
    }
    toast(t("alerts.test.waits"), "info");
  } catch (error) {
    toast(error.message, "error");
  }
}
