/** Binds a path as somebody whom the modes of files hold for, root too; for listener.test.ts. Prints what came of it. */
import "../../bind_libc.ts";
import { keepCapabilities } from "../../../ffi/capability.ts";
import { bindListener } from "../../../src/host/listener.ts";

keepCapabilities(0n);
try {
  bindListener(Deno.args[0], 0o600, 1);
  console.log("bound");
} catch (error) {
  console.log(String(error));
}
