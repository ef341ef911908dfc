"""The addresses of the resources, as hosts list them and as the news of changes name them."""

STATUS_URI = "council://status"
CURRENT_WEEK_URI = "council://weeks/current"
WEEK_URI = "council://weeks/{week_id}"
POSTMORTEM_URI = "council://weeks/{week_id}/postmortem"
POSTMORTEM_PAGE_URI = "council://weeks/{week_id}/postmortem.html"
TRADE_URI = "council://trades/{trade_id}"
RUN_URI = "council://runs/{run_id}"
