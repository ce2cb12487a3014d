package export_wit_world

import (
	"encoding/json"
	"slices"

	events "keyword-strikes/bindings/guildhall_plugin_events"
	guild "keyword-strikes/bindings/guildhall_plugin_guild"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// The settings of the guild. They fit the schema, and what is not set has its default: the host sees to both.
type settings struct {
	Keywords       []string `json:"keywords"`
	Limit          int      `json:"limit"`
	TimeoutMinutes uint64   `json:"timeout_minutes"`
	ForgiveHours   uint64   `json:"forgive_hours"`
	LogChannel     uint64   `json:"log_channel,string"`
}

func readSettings() (settings settings, err error) {
	err = json.Unmarshal([]byte(guild.Settings()), &settings)
	return settings, err
}

// Where timeouts are noted: the plugin's own setting comes before the guild's.
func (settings settings) logChannel() wit.Option[uint64] {
	if settings.LogChannel != 0 {
		return wit.Some(settings.LogChannel)
	}
	return guild.Common().LogChannel
}

// Staff is never judged.
func isStaff(member events.Member) bool {
	moderatorRole := guild.Common().ModeratorRole
	return moderatorRole.IsSome() && slices.Contains(member.Roles, moderatorRole.Some())
}
