package export_wit_world

import (
	"fmt"

	database "keyword-strikes/bindings/guildhall_plugin_database"
	events "keyword-strikes/bindings/guildhall_plugin_events"
	types "keyword-strikes/bindings/guildhall_plugin_types"
)

// A strike in the guild's database.
type strike struct {
	keyword string
	at      uint64
}

func addStrike(message events.Message, keyword string, now uint64) error {
	_, err := execute("INSERT INTO keyword_strikes_strikes (message, user, keyword, at) VALUES (?1, ?2, ?3, ?4)",
		integer(message.Id), integer(message.Author.Id), types.MakeValueText(keyword), integer(now))
	return err
}

// The user's strikes, the newest first.
func strikesOf(user uint64) ([]strike, error) {
	connection, err := open()
	if err != nil {
		return nil, err
	}
	defer connection.Drop()
	sql := "SELECT keyword, at FROM keyword_strikes_strikes WHERE user = ?1 ORDER BY message DESC"
	result := connection.Query(sql, []types.Value{integer(user)})
	if result.IsErr() {
		return nil, reason(result.Err())
	}
	rows := result.Ok()
	var strikes []strike
	// The values stand row after row in one list.
	for row := 0; row < len(rows.Values); row += len(rows.Columns) {
		strikes = append(strikes, strike{rows.Values[row].Text(), uint64(rows.Values[row+1].Integer())})
	}
	return strikes, nil
}

func clearStrikes(user uint64) error {
	_, err := execute("DELETE FROM keyword_strikes_strikes WHERE user = ?1", integer(user))
	return err
}

// Forgets strikes of this moment and before; answers how many.
func forgiveStrikes(until uint64) (uint64, error) {
	return execute("DELETE FROM keyword_strikes_strikes WHERE at <= ?1", integer(until))
}

func execute(sql string, parameters ...types.Value) (uint64, error) {
	connection, err := open()
	if err != nil {
		return 0, err
	}
	defer connection.Drop()
	result := connection.Execute(sql, parameters)
	if result.IsErr() {
		return 0, reason(result.Err())
	}
	return result.Ok(), nil
}

func open() (*database.Connection, error) {
	result := database.Open()
	if result.IsErr() {
		return nil, reason(result.Err())
	}
	return result.Ok(), nil
}

// SQLite's integers are signed; ids and times fit.
func integer(value uint64) types.Value {
	return types.MakeValueInteger(int64(value))
}

func reason(err database.Error) error {
	switch err.Tag() {
	case database.ErrorDenied:
		return fmt.Errorf("database: not allowed: %s", err.Denied())
	case database.ErrorLimit:
		return fmt.Errorf("database: limit: %s", err.Limit())
	case database.ErrorConstraint:
		return fmt.Errorf("database: constraint: %s", err.Constraint())
	case database.ErrorSql:
		return fmt.Errorf("database: %s", err.Sql())
	default:
		return fmt.Errorf("database: the handle outlived its call")
	}
}
