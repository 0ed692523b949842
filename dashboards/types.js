/**
 * The shapes of the collector's API as these pages read it. Money and every other exact figure is a decimal string;
 * times are ISO 8601 in UTC; tokens are inclusive totals; null means unknown.
 *
 * @typedef {object} Measures
 * @property {number} calls
 * @property {number} errors
 * @property {number} input_tokens
 * @property {number} output_tokens
 * @property {number} cache_read_tokens
 * @property {string} cost_usd            the known part of the cost
 * @property {number} priced_calls
 * @property {number} partial_calls       a component has no rate: cost_usd holds the rest
 * @property {number} unpriced_calls      no cost known; not in cost_usd
 * @property {number} estimated_calls
 * @property {number} reported_calls
 * @property {number} free_calls
 * @property {number} labelled_calls
 * @property {number} correct_calls
 * @property {string} duration_ms_sum
 *
 * @typedef {Measures & {time?: string, feature?: string|null, customer?: string|null, model?: string|null}} SpendRow
 *
 * @typedef {object} Spend
 * @property {string} from
 * @property {string} to
 * @property {string|null} interval
 * @property {string} timezone
 * @property {SpendRow[]} rows
 * @property {Measures} totals
 *
 * @typedef {object} Forecast
 * @property {string} period
 * @property {string} period_start
 * @property {string} period_end
 * @property {string} spent_usd
 * @property {string|null} forecast_usd
 * @property {string} method
 * @property {string|null} reason         why there is no forecast
 *
 * @typedef {object} Budget
 * @property {string|number} id
 * @property {string} name
 * @property {string} kind
 * @property {string} filter
 * @property {string[]} fan_out
 * @property {string} period
 * @property {string} timezone
 * @property {string} amount_usd
 * @property {(string|number)[]} thresholds  shares of the amount
 * @property {string} action
 * @property {unknown[]} channels
 *
 * @typedef {object} Standing
 * @property {string} scope               "" unless the budget fans out
 * @property {string} period_start
 * @property {string} period_end
 * @property {string} spent_usd
 * @property {string} ratio
 * @property {"ok"|"warned"|"breached"} state
 *
 * @typedef {object} Delivery
 * @property {string} channel
 * @property {"pending"|"delivered"|"failed"} state
 * @property {number} attempts
 * @property {string|null} delivered_at
 *
 * @typedef {object} Alert
 * @property {string|number} id
 * @property {string|number} budget_id
 * @property {string} budget_name
 * @property {string} kind
 * @property {string} scope
 * @property {string|number} threshold
 * @property {string} period_start
 * @property {string} spent_usd
 * @property {string} amount_usd
 * @property {string} state
 * @property {string} reason
 * @property {{dimension: string, value: string|null, cost_usd: string}[]} drivers
 * @property {string} created_at
 * @property {Delivery[]} deliveries
 *
 * @typedef {object} LineItem
 * @property {string} meter
 * @property {string} quantity
 * @property {string|null} unit_price_usd
 * @property {string} per                 the quantity that unit_price_usd is for
 * @property {string|null} amount_usd
 *
 * @typedef {object} Price
 * @property {string} provider
 * @property {string} model
 * @property {string} source
 * @property {string|null} valid_from
 * @property {string|null} rule
 *
 * @typedef {object} Call
 * @property {string} trace_id
 * @property {string} span_id
 * @property {string|null} response_id
 * @property {string|null} provider
 * @property {string|null} request_model
 * @property {string|null} response_model
 * @property {string|null} operation
 * @property {string} start_time
 * @property {string|null} duration_ms
 * @property {string|null} ttft_ms        time to the first token
 * @property {string|null} feature
 * @property {string|null} customer
 * @property {string|null} user
 * @property {string|null} session
 * @property {string|null} environment
 * @property {string|null} service
 * @property {string|null} error_type
 * @property {number|null} input_tokens
 * @property {number|null} output_tokens
 * @property {Record<string, number|string>|null} usage
 * @property {string|null} cost_usd
 * @property {"priced"|"partial"|"unpriced"|"estimated"|"reported"|"free"} cost_state
 * @property {string|null} cost_reason
 * @property {LineItem[]|null} items
 * @property {Price|null} price
 * @property {string|null} basis
 * @property {boolean} incomplete
 * @property {boolean|null} correct
 */

/**
 * @template T
 * @typedef {{rows: T[], next?: string|null}} Page
 */

export {};
