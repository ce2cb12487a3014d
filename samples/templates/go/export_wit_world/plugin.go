// Package export_wit_world greets whoever writes for the first time. Its name is that which the bindings call.
package export_wit_world

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	actions "__id__/bindings/guildhall_plugin_actions"
	database "__id__/bindings/guildhall_plugin_database"
	events "__id__/bindings/guildhall_plugin_events"
	guild "__id__/bindings/guildhall_plugin_guild"
	types "__id__/bindings/guildhall_plugin_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

const settingsSchema = `{
    "type": "object",
    "additionalProperties": false,
    "properties": { "greeting": { "type": "string", "maxLength": 100, "default": "Welcome", "description": "How to greet" } }
}`

// Describe tells the host what the plugin is and wants.
func Describe() types.Description {
	return types.Description{
		Id:             "__id__",
		Version:        "0.1.0",
		Events:         types.EventKindsMessageCreate,
		Capabilities:   types.CapabilitiesSendMessages,
		Migrations:     []types.Migration{{Version: 1, Sql: "CREATE TABLE __snake___greeted (user INTEGER PRIMARY KEY)"}},
		SettingsSchema: settingsSchema,
	}
}

// Go's collector asks for the time, which a component may not while the host hands it a text or a list. So it runs only
// where Handle lets it.
func init() {
	debug.SetGCPercent(-1)
}

// Calls between two collections.
const collectEvery = 32

var calls int

func collect() {
	if calls++; calls%collectEvery == 0 {
		runtime.GC()
	}
}

// Handle answers one event of one guild. An error undoes its rows and actions.
func Handle(event events.Event) wit.Result[wit.Unit, string] {
	collect()
	if event.Data.Tag() == events.EventDataMessageCreate {
		if err := greet(event.Data.MessageCreate()); err != nil {
			return wit.Err[wit.Unit](err.Error())
		}
	}
	return wit.Ok[wit.Unit, string](wit.Unit{})
}

func greet(message events.Message) error {
	user := message.Author.Id
	if message.Author.Bot {
		return nil
	}
	isNew, err := execute("INSERT OR IGNORE INTO __snake___greeted VALUES (?1)", types.MakeValueInteger(int64(user)))
	if err != nil || isNew == 0 {
		return err
	}
	// They fit the schema, and what is not set has its default: the host sees to both.
	var settings struct{ Greeting string }
	if err := json.Unmarshal([]byte(guild.Settings()), &settings); err != nil {
		return err
	}
	return sendMessage(message.Channel, fmt.Sprintf("%s, <@%d>!", settings.Greeting, user))
}

// The number of rows that the statement changed.
func execute(sql string, parameters ...types.Value) (uint64, error) {
	connection := database.Open()
	if connection.IsErr() {
		return 0, fmt.Errorf("the database cannot be opened: %+v", connection.Err())
	}
	defer connection.Ok().Drop()
	result := connection.Ok().Execute(sql, parameters)
	if result.IsErr() {
		return 0, fmt.Errorf("%s: %+v", sql, result.Err())
	}
	return result.Ok(), nil
}

func sendMessage(channel uint64, content string) error {
	body := actions.MessageBody{Content: wit.Some(content)}
	action := actions.MakeActionSendMessage(actions.SendMessage{Channel: channel, Body: body})
	if result := actions.Submit(action, actions.Options{}); result.IsErr() {
		return fmt.Errorf("the message is not sent: %+v", result.Err())
	}
	return nil
}
