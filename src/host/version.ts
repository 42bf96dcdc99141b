/** The version of this build, from deno.json. */
import config from "../../deno.json" with { type: "json" };

export const VERSION: string = config.version;
