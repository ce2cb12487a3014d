// A bot that answers every "ping" with "pong". It knows of the simulation only the addresses in its environment.
import { Client, Events, GatewayIntentBits } from "discord.js";

const say = (event, details = {}) => console.log(JSON.stringify({ event, ...details }));
const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: process.env.DISCORD_API },
});

client.on(Events.ClientReady, () => {
  const guild = client.guilds.cache.first();
  say("ready", { guilds: client.guilds.cache.size, name: guild.name, channels: guild.channels.cache.size });
});
client.on(Events.MessageCreate, async (message) => {
  if (message.author.bot) return;
  say("message", { content: message.content, channel: message.channel.name });
  const sent = await message.channel.send(message.content.replace("ping", "pong"));
  say("sent", { content: sent.content });
});
client.on(Events.ShardResume, (shard, replayed) => say("resumed", { shard, replayed }));
client.on(Events.Error, (error) => say("error", { message: error.message }));

await client.login(process.env.DISCORD_TOKEN);
